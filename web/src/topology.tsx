// Who calls whom, as layers from the outermost caller to what everybody leans on. Only applications that call or are
// called are drawn.

import { figure } from "./format";
import type { AppRow, Traffic } from "./rows";
import { tone } from "./screens/applications";
import { Empty } from "./parts";

const WIDE = 176;
const INSET = 12;
const TALL = 44;
const ACROSS = 56;
const BELOW = 20;
const MOST = 400;

interface Spot {
  app: AppRow;
  x: number;
  y: number;
}

function layOut(apps: readonly AppRow[]): { spots: Map<string, Spot>; edges: [Spot, Spot][]; width: number; height: number } {
  const known = new Map(apps.map((app) => [app.id, app]));
  const called = new Set(apps.flatMap((app) => app.calls ?? []));
  const drawn = apps.filter((app) => called.has(app.id) || app.calls?.some((id) => known.has(id))).slice(0, MOST);
  const depth = new Map(drawn.map((app) => [app.id, 0]));
  // Longest paths, as many rounds as there are layers at most; a ring of calls ends with the rounds.
  for (let round = 0; round < Math.min(drawn.length, 12); round++) {
    let moved = false;
    for (const app of drawn) {
      for (const id of app.calls ?? []) {
        const below = (depth.get(app.id) ?? 0) + 1;
        if (id !== app.id && depth.has(id) && (depth.get(id) ?? 0) < below && below <= 12) {
          depth.set(id, below);
          moved = true;
        }
      }
    }
    if (!moved) break;
  }
  const layers: AppRow[][] = [];
  for (const app of drawn) {
    const at = depth.get(app.id) ?? 0;
    layers[at] ??= [];
    layers[at].push(app);
  }
  const solid = layers.filter(Boolean);
  const tallest = Math.max(1, ...solid.map((layer) => layer.length));
  const height = tallest * (TALL + BELOW);
  const spots = new Map<string, Spot>();
  solid.forEach((layer, column) => {
    // Whoever is called by the same stands together: by the middle of the callers.
    const middle = (app: AppRow) => {
      const ys = [...spots.values()].filter((spot) => spot.app.calls?.includes(app.id)).map((spot) => spot.y);
      return ys.length ? ys.reduce((a, b) => a + b) / ys.length : 0;
    };
    layer.sort((a, b) => middle(a) - middle(b) || (a.id < b.id ? -1 : 1));
    const from = (height - layer.length * (TALL + BELOW)) / 2;
    layer.forEach((app, row) => {
      spots.set(app.id, { app, x: column * (WIDE + ACROSS) + 1, y: from + row * (TALL + BELOW) + BELOW / 2 });
    });
  });
  const edges: [Spot, Spot][] = [];
  for (const spot of spots.values()) {
    for (const id of spot.app.calls ?? []) {
      const to = spots.get(id);
      if (to && to !== spot) edges.push([spot, to]);
    }
  }
  return { spots, edges, width: Math.max(1, solid.length) * (WIDE + ACROSS) - ACROSS + 2, height };
}

const pen = document.createElement("canvas").getContext("2d");

/** As much as fits before what follows it in a box, in whatever font there is: SVG has no ellipsis of its own. */
function cut(text: string, size: number, after = ""): string {
  if (!pen) return text;
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  const fits = (shown: string) => pen.measureText(shown + after).width <= WIDE - 2 * INSET;
  let kept = text;
  while (kept && !fits(kept === text ? text : `${kept}…`)) kept = kept.slice(0, -1);
  return kept === text ? text : `${kept}…`;
}

type Taken = { requests: number; errors: number } | undefined;

function standing(app: AppRow, taken: Taken): string {
  const load = taken ? ` · ${figure(taken.requests)}/s${taken.errors > 0 ? `, ${figure((100 * taken.errors) / Math.max(taken.requests, taken.errors))} % fail` : ""}` : "";
  return ` · ${app.up ?? 0}/${app.wanted ?? 0}${app.ready ? "" : " · not ready"}${load}`;
}

function name([from, to]: [Spot, Spot]): string {
  return `${from.app.id}>${to.app.id}`;
}

/** As wide as a line is for so many requests a second: ten times as many, twice as wide. */
function wide(requests: number): number {
  return Math.min(8, 1.5 * 2 ** Math.max(0, Math.log10(requests + 1)));
}

export function Topology(props: { apps: readonly AppRow[]; chosen: string; choose: (id: string) => void; traffic: Traffic | null }) {
  const { apps, chosen, choose, traffic } = props;
  const { spots, edges, width, height } = layOut(apps);
  const taken = new Map(traffic?.apps?.map((each) => [each.id, each]));
  const sent = new Map(traffic?.edges?.map((each) => [`${each.source}>${each.target}`, each.requests]));
  if (!spots.size) {
    return <Empty title="Nobody says whom they call">Applications say so in spec.access.to.</Empty>;
  }
  return (
    <div class="map">
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label="Who calls whom">
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" markerUnits="userSpaceOnUse">
            <path d="M0 0 8 4 0 8z" />
          </marker>
        </defs>
        {edges.toSorted((one, other) => Number(sent.has(name(one))) - Number(sent.has(name(other)))).map(([from, to]) => {
          const [x1, y1, x2, y2] = [from.x + WIDE, from.y + TALL / 2, to.x - 2, to.y + TALL / 2];
          const bend = Math.max(32, Math.abs(x2 - x1) / 2);
          const load = sent.get(name([from, to]));
          return (
            <g key={name([from, to])} class={load ? "flows" : ""}>
              <path
                d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}
                style={load ? { strokeWidth: wide(load) } : undefined}
                marker-end="url(#arrow)"
              />
              {load !== undefined && <text class="sub" x={x2 - 10} y={y2 - 6} text-anchor="end">{figure(load)}/s</text>}
            </g>
          );
        })}
        {[...spots.values()].map(({ app, x, y }) => (
          <g
            key={app.id}
            class={`app ${tone(app)}`}
            transform={`translate(${x} ${y})`}
            role="button"
            tabIndex={0}
            aria-pressed={app.id === chosen}
            onClick={() => choose(app.id)}
            onKeyDown={(event) => event.key === "Enter" && choose(app.id)}
          >
            <title>{`${app.id}: ${app.up ?? 0} of ${app.wanted ?? 0} ready`}</title>
            <rect width={WIDE} height={TALL} rx={8} />
            <text x={INSET} y={19}>{cut(app.name, 12)}</text>
            <text x={INSET} y={34} class="sub">{cut(app.namespace, 11, standing(app, taken.get(app.id)))}{standing(app, taken.get(app.id))}</text>
          </g>
        ))}
      </svg>
    </div>
  );
}
