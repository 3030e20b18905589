import { signal, useSignal } from "@preact/signals";
import { me, rowsOf } from "../api";
import { ago } from "../format";
import { Charted, OfAnswer, useMeasured } from "../measured";
import { Badge, byNumber, byText, Command, Drawer, Empty, Segments, Table, Tile, type Tone } from "../parts";
import { go } from "../route";
import type { Course, ScaleRow } from "../rows";

/** Seconds, how many pods there are, how many are wanted. */
type Counts = [number[], number[], number[]];

const KEPT = 720;

/** What was seen of each policy since the page was opened. */
const seen = signal<ReadonlyMap<string, Counts>>(new Map());

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
          <Measured key={chosen.id} row={chosen} />
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

/** The load and the pods as the store remembers them; without one, the pods since the page was opened. */
function Measured({ row }: { row: ScaleRow }) {
  const hours = useSignal(1);
  const path = `${encodeURIComponent(row.namespace)}/${encodeURIComponent(row.name)}`;
  const answer = useMeasured<Course>(`/api/measured/scaling/${path}?hours=${hours.value}`);
  const [at, current, desired] = seen.value.get(row.id) ?? [[], [], []];
  // A store that knows the autoscaler's metrics tells what was wanted; of others the page remembers what it saw.
  const told = answer !== null && typeof answer !== "string" && (answer.shares?.length ?? 0) > 1;
  return (
    <div class="stack">
      {me.value?.measured && <Segments label="How far back" chosen={hours} of={[[1, "1 h"], [6, "6 h"], [24, "1 d"], [168, "7 d"]]} />}
      <OfAnswer what="Its load" answer={answer}>
        {(course) => (
          <>
            <h3>Load: {course.unit}</h3>
            <Charted label="Load" at={course.at ?? []} lines={course.lines ?? []} />
            <h3>Pods</h3>
            <Charted label="Pods" at={course.at ?? []} lines={course.shares ?? []} stepped />
            {course.unit?.startsWith("requests") && <Backtest row={row} path={path} />}
          </>
        )}
      </OfAnswer>
      {!told && (
        <>
          <h3>Pods since this page was opened</h3>
          <Charted label="Pods" at={at} lines={[{ name: "there are", values: current }, { name: "wanted", values: desired }]} stepped />
        </>
      )}
    </div>
  );
}

function Backtest({ row, path }: { row: ScaleRow; path: string }) {
  const most = row.metrics?.find((each) => each.name.startsWith("requests"))?.target ?? "REQUESTS-A-SECOND";
  return (
    <div class="stack">
      <h3>What other policies would have cost on this load</h3>
      <a href={`/api/measured/recorded/${path}?hours=168`} download={`${row.name}.csv`}>Download the last week's requests by the minute</a>
      <Command>{`kubewright backtest --series ${row.name}.csv --rate-per-pod ${most} --least ${row.least ?? 0} --most ${row.most ?? 1}`}</Command>
    </div>
  );
}
