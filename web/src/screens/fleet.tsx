import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { rowsOf, useAnswer } from "../api";
import { amount, ago, percent, resourceName } from "../format";
import { HeatMap, heat, share } from "../heatmap";
import { Action, Badge, byNumber, byText, Command, Drawer, Empty, Filter, Meter, Segments, Table, Tile, type Tone } from "../parts";
import { go, link } from "../route";
import type { Held, NodeDetail, NodeRow } from "../rows";
import { theme } from "../theme";

const FIRST = ["cpu", "memory", "pods"];
const FARES: Record<string, Tone> = { ready: "well", coming: "coming", ill: "ill", done: "" };

function tone(row: NodeRow): Tone {
  return row.state === "down" ? "ill" : row.state === "cordoned" ? "coming" : "well";
}

export function describe(row: NodeRow): string {
  const uses = Object.entries(row.use ?? {}).map(([name, [used, all]]) => `${resourceName(name)} ${percent(used, all)}`);
  const ill = row.ill ? `, ${row.ill} ill` : "";
  return `${row.id}: ${row.state ?? "ready"}, ${uses.join(", ")}; ${row.pods ?? 0} pods${ill}`;
}

export function Fleet({ object }: { object: string }) {
  const rows = rowsOf<NodeRow>("fleet");
  const resource = useSignal("cpu");
  const filter = useSignal("");
  const asTable = useSignal(false);
  const nodes = useComputed(() => {
    const wanted = filter.value.toLowerCase();
    const all = [...rows.value.all.values()];
    const found = wanted
      ? all.filter((row) => `${row.id} ${row.zone} ${row.type} ${row.gpu} ${row.state}`.toLowerCase().includes(wanted))
      : all;
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  });
  const resources = useComputed(() => {
    const found = new Set(FIRST);
    for (const row of rows.value.all.values()) for (const name in row.use) found.add(name);
    return [...found];
  });
  const sums = useComputed(() => total(nodes.value, resources.value));
  if (!rows.value.arrived) return <Empty title="Reading the cluster …" />;
  const down = nodes.value.filter((row) => row.state === "down").length;
  const cordoned = nodes.value.filter((row) => row.state === "cordoned").length;
  const columns = [
    { title: "Node", width: "minmax(160px, 1.5fr)", cell: (row: NodeRow) => row.id, order: byText<NodeRow>((r) => r.id) },
    { title: "State", width: "110px", cell: (row: NodeRow) => <Badge tone={tone(row)}>{row.state ?? "ready"}</Badge>, order: byText<NodeRow>((r) => r.state ?? "ready") },
    { title: "Zone", width: "1fr", cell: (row: NodeRow) => row.zone ?? "", order: byText<NodeRow>((r) => r.zone) },
    { title: "Type", width: "1fr", cell: (row: NodeRow) => row.type ?? "", order: byText<NodeRow>((r) => r.type) },
    ...resources.value.map((name) => ({
      title: resourceName(name),
      width: "84px",
      number: true,
      cell: (row: NodeRow) => percent(...(row.use?.[name] ?? [0, 0])),
      order: byNumber<NodeRow>((r) => share(r, name) || 0),
    })),
    { title: "Ill", width: "48px", number: true, cell: (row: NodeRow) => row.ill ?? 0, order: byNumber<NodeRow>((r) => r.ill) },
  ];
  return (
    <>
      <div class="head">
        <h1>Fleet</h1>
        <div class="push">
          <Filter text={filter} of="nodes" by="name, zone, type, state" />
          <Segments label="Form" chosen={asTable} of={[[false, "Map"], [true, "Table"]]} />
        </div>
      </div>
      <div class="tiles">
        <Tile name="Nodes" value={nodes.value.length}>
          {down || cordoned ? `${down} down, ${cordoned} cordoned` : "all take pods"}
        </Tile>
        {resources.value.filter((name) => sums.value[name]?.[1]).map((name) => {
          const [used, all] = sums.value[name] ?? [0, 0];
          return (
            <Tile key={name} name={`${resourceName(name)} requested`} value={percent(used, all)}>
              {amount(name, used)} of {amount(name, all)}
            </Tile>
          );
        })}
      </div>
      {asTable.value ? (
        <section class="card">
          <Table label="Nodes" rows={nodes.value} columns={columns} chosen={object} choose={(row) => go("fleet", row.id)} />
        </section>
      ) : (
        <section class="card" aria-label="Heat map">
          <header>
            <Segments label="Coloured by" chosen={resource} of={resources.value.map((name) => [name, resourceName(name)])} />
            <Scale />
          </header>
          <div class="body">
            <HeatMap rows={nodes.value} resource={resource.value} chosen={object} choose={(row) => go("fleet", row.id)} describe={describe} />
          </div>
        </section>
      )}
      {object && <NodeDrawer name={object} row={rows.value.all.get(object)} />}
    </>
  );
}

function total(nodes: readonly NodeRow[], resources: readonly string[]): Record<string, [number, number]> {
  const sums: Record<string, [number, number]> = {};
  for (const name of resources) sums[name] = [0, 0];
  for (const row of nodes) {
    for (const [name, [used, all]] of Object.entries(row.use ?? {})) {
      const sum = sums[name];
      if (sum) {
        sum[0] += used;
        sum[1] += all;
      }
    }
  }
  return sums;
}

function Scale() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = theme.value === "dark";
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    for (let x = 0; pen && x < 120; x++) {
      pen.fillStyle = heat(x / 119, dark);
      pen.fillRect(x, 0, 1, 8);
    }
  }, [dark]);
  return (
    <div class="scale push">
      <span>0 %</span>
      <canvas ref={canvas} width={120} height={8} aria-hidden="true" />
      <span>100 % requested</span>
    </div>
  );
}

function Holders({ held }: { held: readonly Held[] }) {
  return <>{held.map((each, at) => <div key={at}>{each.what} <span class="muted">{each.by || "a pod that you may not see"}</span></div>)}</>;
}

/** Each GPU by its number: how much of it is given, what it is cut into, and to whom. */
/** How a GPU is cut: each slice as wide as its share of the seven parts that there are, and what is left over. */
function Slices({ of }: { of: readonly string[] }) {
  const wide = of.map((each) => Number.parseInt(each, 10) || 1);
  const left = 7 - wide.reduce((sum, each) => sum + each, 0);
  return (
    <div class="slices">
      {of.map((each, index) => <span key={`${each}${index}`} class="mono" style={{ flexGrow: wide[index] }} title={each}>{each}</span>)}
      {left > 0 && <i style={{ flexGrow: left }} />}
    </div>
  );
}

function Gpus({ of: { each = [], elsewhere = [] } }: { of: NodeDetail["gpus"] }) {
  if (!each.length && !elsewhere.length) return null;
  return (
    <div>
      <h2>{each.length === 1 ? "1 GPU" : `${each.length} GPUs`}</h2>
      <dl class="facts">
        {each.map((gpu) => (
          <>
            <dt>GPU {gpu.number}</dt>
            <dd>
              {gpu.broken && <Badge tone="ill">out of use</Badge>}
              {!!gpu.slices?.length && <Slices of={gpu.slices} />}
              {gpu.held?.length ? <Holders held={gpu.held} /> : !gpu.broken && !gpu.slices?.length && <span class="muted">{elsewhere.length ? "nobody is known to have it" : "free"}</span>}
              {!gpu.slices?.length && <Meter share={(gpu.used ?? 0) / 100} label={`${gpu.used ?? 0} %`} />}
            </dd>
          </>
        ))}
        {!!elsewhere.length && (<><dt>Given out, by the node</dt><dd><Holders held={elsewhere} /></dd></>)}
      </dl>
    </div>
  );
}

function NodeDrawer({ name, row }: { name: string; row: NodeRow | undefined }) {
  const found = useAnswer<NodeDetail>(`/api/nodes/${encodeURIComponent(name)}`, [row?.pods, row?.ill]);
  return (
    <Drawer title={name} close={() => go("fleet")}>
      {row && (
        <>
          <div class="actions">
            <Badge tone={tone(row)}>{row.state ?? "ready"}</Badge>
            {row.state === "cordoned" ? (
              <Action action="uncordon" name={name}>Uncordon</Action>
            ) : (
              <Action action="cordon" name={name}>Cordon</Action>
            )}
          </div>
          <dl class="facts">
            {row.zone && (<><dt>Zone</dt><dd>{row.zone}</dd></>)}
            {row.type && (<><dt>Type</dt><dd>{row.type}</dd></>)}
            {row.gpu && (<><dt>GPU</dt><dd>{row.gpu}</dd></>)}
            {Object.entries(row.use ?? {}).map(([resource, [used, all]]) => (
              <>
                <dt>{resourceName(resource)}</dt>
                <dd>
                  {amount(resource, used)} of {amount(resource, all)} requested
                  <Meter share={all ? used / all : 0} label={percent(used, all)} />
                </dd>
              </>
            ))}
          </dl>
        </>
      )}
      {typeof found === "string" && <div class="said ill">{found}</div>}
      {found && typeof found !== "string" && (
        <>
          {found.conditions.map((each) => <div class="said ill" key={each}>{each}</div>)}
          <dl class="facts">
            <dt>Kubelet</dt><dd>{found.version || "–"}</dd>
            <dt>Age</dt><dd>{ago(found.since)}</dd>
            <dt>Taints</dt><dd class="mono">{found.taints.join(", ") || "none"}</dd>
          </dl>
          <Gpus of={found.gpus} />
          <div>
            <h2>{found.pods.length} pods{found.hidden ? `, and ${found.hidden} that you may not see` : ""}</h2>
            <Table
              label="Pods"
              height={360}
              rows={found.pods.map((pod) => ({ ...pod, id: `${pod.namespace}/${pod.name}` }))}
              columns={[
                { title: "Pod", width: "1fr", cell: (pod) => <span title={pod.id}>{pod.id}</span>, order: byText((pod) => pod.id) },
                { title: "State", width: "130px", cell: (pod) => <Badge tone={FARES[pod.fare] ?? ""}>{pod.why ?? pod.fare}</Badge>, order: byText((pod) => pod.fare) },
              ]}
            />
          </div>
        </>
      )}
      <Command>{`kubectl describe node ${name}`}</Command>
      <p class="muted"><a href={link("queue")}>Pods that wait for a node</a></p>
    </Drawer>
  );
}
