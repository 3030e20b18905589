import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { rowsOf } from "../api";
import { ago } from "../format";
import { Badge, byNumber, byText, Command, Drawer, Empty, Table, Tile, type Tone } from "../parts";
import { go } from "../route";
import type { Counts, Plot } from "../plot";
import type { ScaleRow } from "../rows";

const KEPT = 720;

/** What was seen of each policy since the page was opened. */
const seen = signal<ReadonlyMap<string, Counts>>(new Map());
const plot = signal<typeof Plot | null>(null);

rowsOf<ScaleRow>("scaling").subscribe(({ all }) => {
  const now = Date.now() / 1000;
  const next = new Map<string, Counts>();
  for (const row of all.values()) {
    const [at, current, desired] = seen.peek().get(row.id) ?? [[], [], []];
    next.set(row.id, [
      [...at, now].slice(-KEPT),
      [...current, row.current ?? 0].slice(-KEPT),
      [...desired, row.desired ?? 0].slice(-KEPT),
    ]);
  }
  seen.value = next;
});

function tone(row: ScaleRow): Tone {
  const active = row.conditions?.find((each) => each.type === "Ready");
  if (active?.status === "False") return "ill";
  return row.current === row.desired ? "well" : "coming";
}

export function Scaling({ object }: { object: string }) {
  const rows = rowsOf<ScaleRow>("scaling");
  if (!rows.value.arrived) return <Empty title="Reading the cluster …" />;
  const all = [...rows.value.all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const chosen = rows.value.all.get(object);
  return (
    <>
      <div class="head"><h1>Scaling</h1></div>
      <div class="tiles">
        <Tile name="Policies" value={all.length}>{all.filter((row) => row.mode === "predictive").length} go by a forecast</Tile>
        <Tile name="Pods there are" value={all.reduce((sum, row) => sum + (row.current ?? 0), 0)}>of these workloads</Tile>
        <Tile name="Pods wanted" value={all.reduce((sum, row) => sum + (row.desired ?? 0), 0)}>as was last decided</Tile>
        <Tile name="At their most" value={all.filter((row) => row.desired === row.most).length}>would take more</Tile>
      </div>
      <section class="card">
        {all.length ? (
          <Table
            label="ScalePolicies"
            rows={all}
            chosen={object}
            choose={(row) => go("scaling", row.id)}
            columns={[
              { title: "Workload", width: "minmax(180px, 1.4fr)", cell: (row) => row.target, order: byText((row) => row.target) },
              { title: "Namespace", width: "1fr", cell: (row) => <span class="muted">{row.namespace}</span>, order: byText((row) => row.namespace) },
              { title: "Pods", width: "130px", cell: (row) => <Badge tone={tone(row)}>{row.current === row.desired ? `${row.current ?? 0}` : `${row.current ?? 0} → ${row.desired ?? 0}`}</Badge>, order: byNumber((row) => row.desired) },
              { title: "From, to", width: "88px", number: true, cell: (row) => `${row.least ?? 0} – ${row.most ?? 0}` },
              { title: "Decided", width: "110px", cell: (row) => row.mode || row.wanted_mode || "–", order: byText((row) => row.mode) },
              { title: "Goes by", width: "2fr", cell: (row) => row.metrics?.map((each) => `${each.name} ${each.value ?? "?"} of ${each.target ?? "?"}`).join(", ") ?? "" },
              { title: "Scaled", width: "64px", number: true, cell: (row) => ago(row.scaled), order: byNumber((row) => row.scaled) },
            ]}
          />
        ) : (
          <Empty title="No ScalePolicies yet"><Command>kubectl apply -f examples/scale-policy.yaml</Command></Empty>
        )}
      </section>
      {chosen && (
        <Drawer title={chosen.target} close={() => go("scaling")}>
          <div class="actions"><Badge tone={tone(chosen)}>{chosen.current ?? 0} of {chosen.desired ?? 0} pods</Badge></div>
          <Replicas id={chosen.id} />
          {chosen.metrics?.map((each) => (
            <div class="said" key={each.name}>{each.name}: {each.value ?? "unknown"}, aimed at {each.target}: asks for {each.replicas ?? 0} pods</div>
          ))}
          <dl class="facts">
            {chosen.conditions?.map((each) => (<><dt>{each.type}</dt><dd>{each.status}{each.reason ? `, ${each.reason}` : ""}<div class="muted">{each.message}</div></dd></>))}
            {!!chosen.schedules?.length && (<><dt>Schedules</dt><dd>{chosen.schedules.join("; ")}</dd></>)}
          </dl>
          <Command>{`kubectl describe scalepolicy ${chosen.name} -n ${chosen.namespace}`}</Command>
        </Drawer>
      )}
    </>
  );
}

function Replicas({ id }: { id: string }) {
  useEffect(() => {
    void import("../plot").then((fetched) => (plot.value = fetched.Plot));
  }, []);
  const Plot = plot.value;
  return Plot && <Plot id={id} counts={seen.value.get(id)} />;
}
