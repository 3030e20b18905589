// The fleet as squares on a canvas, by zone: five thousand nodes are one element, drawn in a few milliseconds.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { NodeRow } from "./rows";
import { colour, theme } from "./theme";

const GAP = 3;
const TITLE = 24;
const BETWEEN = 16;

/** One hue from light to dark: order is told by lightness alone, whoever looks. */
export function heat(share: number, dark: boolean): string {
  const s = Math.max(0, Math.min(1, share));
  return dark ? `oklch(${0.28 + 0.52 * s} ${0.02 + 0.13 * s} 262)` : `oklch(${0.95 - 0.55 * s} ${0.015 + 0.17 * s} 264)`;
}

interface Square {
  row: NodeRow;
  x: number;
  y: number;
}

interface Layout {
  squares: Square[];
  titles: { text: string; y: number }[];
  size: number;
  /** How many stand side by side. */
  across: number;
  height: number;
}

function layOut(rows: readonly NodeRow[], width: number): Layout {
  const zones = Map.groupBy(rows, (row) => row.zone ?? "");
  const size = rows.length > 2000 ? 12 : rows.length > 600 ? 18 : rows.length > 120 ? 26 : 40;
  const across = Math.max(1, Math.floor((width + GAP) / (size + GAP)));
  const squares: Square[] = [];
  const titles: Layout["titles"] = [];
  let y = 0;
  for (const zone of [...zones.keys()].sort()) {
    const nodes = zones.get(zone) ?? [];
    if (zones.size > 1 || zone) {
      titles.push({ text: `${zone || "no zone"} · ${nodes.length} nodes`, y: y + 14 });
      y += TITLE;
    }
    nodes.forEach((row, index) => {
      squares.push({ row, x: (index % across) * (size + GAP), y: y + Math.floor(index / across) * (size + GAP) });
    });
    y += Math.ceil(nodes.length / across) * (size + GAP) + BETWEEN;
  }
  return { squares, titles, size, across, height: Math.max(40, y - BETWEEN) };
}

export function share(row: NodeRow, resource: string): number {
  const use = row.use?.[resource];
  return use?.[1] ? use[0] / use[1] : Number.NaN;
}

export function HeatMap(props: {
  rows: readonly NodeRow[];
  resource: string;
  chosen: string | undefined;
  choose: (row: NodeRow) => void;
  describe: (row: NodeRow) => string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useSignal<{ x: number; y: number; text: string } | null>(null);
  const at = useSignal(-1);
  const width = useSignal(0);
  const layout = useRef<Layout>({ squares: [], titles: [], size: 0, across: 1, height: 0 });
  // Before the browser paints, both of these: squares would else come one frame after all the rest.
  useLayoutEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const watch = new ResizeObserver(() => (width.value = element.clientWidth));
    watch.observe(element);
    width.value = element.clientWidth;
    return () => watch.disconnect();
  }, []);
  const dark = theme.value === "dark";
  useLayoutEffect(() => {
    const element = canvas.current;
    if (!element || !width.value) return;
    const found = layOut(props.rows, width.value);
    layout.current = found;
    draw(element, found, width.value, props.resource, dark, props.chosen, found.squares[at.value]?.row.id);
  }, [props.rows, props.resource, props.chosen, width.value, at.value, dark]);

  const under = (event: MouseEvent): number => {
    const { squares, size } = layout.current;
    return squares.findIndex(
      ({ x, y }) => event.offsetX >= x && event.offsetX < x + size && event.offsetY >= y && event.offsetY < y + size,
    );
  };
  const onKey = (event: KeyboardEvent) => {
    const { squares, across } = layout.current;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (step) {
      event.preventDefault();
      at.value = Math.max(0, Math.min(squares.length - 1, at.value < 0 ? 0 : at.value + step));
    }
    const square = squares[at.value];
    if (event.key === "Enter" && square) props.choose(square.row);
  };
  const pointed = layout.current.squares[at.value]?.row;
  return (
    <div class="heat">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`${props.rows.length} nodes by ${props.resource}: arrow keys move, Enter opens. The table has the same nodes.`}
        onKeyDown={onKey}
        onMouseMove={(event) => {
          const square = layout.current.squares[under(event)];
          tip.value = square ? { x: event.clientX + 12, y: event.clientY + 12, text: props.describe(square.row) } : null;
        }}
        onMouseLeave={() => (tip.value = null)}
        onClick={(event) => {
          at.value = under(event);
          const square = layout.current.squares[at.value];
          if (square) props.choose(square.row);
        }}
      />
      <div class="hidden" aria-live="polite">
        {pointed && props.describe(pointed)}
      </div>
      {tip.value && (
        <div class="tip" style={{ left: `${tip.value.x}px`, top: `${tip.value.y}px` }}>
          {tip.value.text}
        </div>
      )}
    </div>
  );
}

function draw(
  element: HTMLCanvasElement,
  layout: Layout,
  width: number,
  resource: string,
  dark: boolean,
  chosen: string | undefined,
  pointed: string | undefined,
): void {
  const scale = devicePixelRatio || 1;
  element.width = width * scale;
  element.height = layout.height * scale;
  element.style.height = `${layout.height}px`;
  const pen = element.getContext("2d");
  if (!pen) return;
  const [muted, ill, text, none, coming] = ["--muted", "--ill", "--text", "--heat-0", "--coming"].map(colour) as [
    string, string, string, string, string,
  ];
  pen.scale(scale, scale);
  pen.font = `12px ${getComputedStyle(document.documentElement).fontFamily}`;
  pen.fillStyle = muted;
  for (const title of layout.titles) pen.fillText(title.text, 0, title.y);
  const { size } = layout;
  const radius = Math.min(5, size / 5);
  const shades = Array.from({ length: 51 }, (_, step) => heat(step / 50, dark));
  for (const { row, x, y } of layout.squares) {
    const part = share(row, resource);
    pen.fillStyle = Number.isNaN(part) ? none : (shades[Math.round(Math.max(0, Math.min(1, part)) * 50)] ?? none);
    pen.beginPath();
    pen.roundRect(x, y, size, size, radius);
    pen.fill();
    if (row.state === "cordoned") {
      pen.strokeStyle = coming;
      pen.lineWidth = 1.5;
      pen.setLineDash([3, 2]);
      pen.stroke();
      pen.setLineDash([]);
    }
    if (row.state === "down" || row.ill) {
      // A mark besides the colour: a cross for a node that is down, a corner for pods that are ill.
      pen.fillStyle = pen.strokeStyle = ill;
      pen.lineWidth = 2;
      pen.beginPath();
      if (row.state === "down") {
        pen.roundRect(x + 1, y + 1, size - 2, size - 2, radius);
        pen.moveTo(x + size * 0.3, y + size * 0.3);
        pen.lineTo(x + size * 0.7, y + size * 0.7);
        pen.moveTo(x + size * 0.7, y + size * 0.3);
        pen.lineTo(x + size * 0.3, y + size * 0.7);
        pen.stroke();
      } else {
        pen.moveTo(x + size - Math.max(5, size * 0.3), y);
        pen.lineTo(x + size, y);
        pen.lineTo(x + size, y + Math.max(5, size * 0.3));
        pen.fill();
      }
    }
    if (row.id === chosen || row.id === pointed) {
      pen.strokeStyle = text;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.roundRect(x - 1, y - 1, size + 2, size + 2, radius + 1);
      pen.stroke();
    }
  }
}
