import { refused, rowsOf, useAnswer } from "../api";
import { Answer, type Explanation } from "../answer";
import { ago } from "../format";
import { Badge, byNumber, byText, Command, Drawer, Empty, Table, Tile } from "../parts";
import { go } from "../route";
import type { PendingRow, QueueRow } from "../rows";

export function Queue({ object }: { object: string }) {
  const pods = [...rowsOf<PendingRow>("pending").value.all.values()];
  const queues = [...rowsOf<QueueRow>("queues").value.all.values()];
  const arrived = rowsOf<PendingRow>("pending").value.arrived;
  if (!arrived && !refused.value.has("pending")) return <Empty title="Reading the cluster …" />;
  const oldest = Math.min(...pods.map((row) => row.since ?? Number.POSITIVE_INFINITY));
  return (
    <>
      <div class="head"><h1>Queue</h1></div>
      <div class="tiles">
        <Tile name="Waiting for a node" value={pods.length}>pods, by whose turn it is</Tile>
        <Tile name="Longest wait" value={pods.length ? ago(oldest) : "–"}>of these</Tile>
        <Tile name="Found no place" value={pods.filter((row) => row.reason === "Unschedulable").length}>as their scheduler says</Tile>
        <Tile name="Queues" value={queues.length}>of teams</Tile>
      </div>
      <section class="card">
        <header><h2>Pods that wait</h2></header>
        {pods.length ? (
          <Table
            label="Pods that wait"
            height={Math.min(400, pods.length * 40 + 1)}
            rows={pods}
            chosen={object}
            choose={(row) => go("queue", row.id)}
            columns={[
              { title: "Pod", width: "minmax(180px, 1.4fr)", cell: (row) => <span title={row.id}>{row.id}</span>, order: byText((row) => row.id) },
              { title: "Of", width: "minmax(120px, 1fr)", cell: (row) => <span class="muted">{row.workload}</span>, order: byText((row) => row.workload) },
              { title: "Waits", width: "64px", number: true, cell: (row) => ago(row.since), order: byNumber((row) => row.since) },
              { title: "Priority", width: "72px", number: true, cell: (row) => row.priority ?? 0, order: byNumber((row) => row.priority) },
              { title: "Why", width: "minmax(200px, 2.4fr)", cell: (row) => <span title={row.message}>{row.message || "not tried yet"}</span> },
            ]}
          />
        ) : (
          <Empty title="Nobody waits">Every pod has a node.</Empty>
        )}
      </section>
      {!!queues.length && (
        <section class="card">
          <header><h2>Fair shares</h2></header>
          <Table
            label="Queues"
            height={Math.min(400, queues.length * 40 + 1)}
            rows={queues}
            columns={[
              { title: "Queue", width: "1fr", cell: (row) => row.id, order: byText((row) => row.id) },
              { title: "Below", width: "1fr", cell: (row) => row.parent ?? "–", order: byText((row) => row.parent) },
              { title: "Weight", width: "72px", number: true, cell: (row) => row.weight ?? 1, order: byNumber((row) => row.weight) },
              { title: "Running", width: "72px", number: true, cell: (row) => row.running ?? 0, order: byNumber((row) => row.running) },
              { title: "Waiting", width: "72px", number: true, cell: (row) => row.pending ?? 0, order: byNumber((row) => row.pending) },
              { title: "Share", width: "88px", number: true, cell: (row) => row.share || "–", order: byText((row) => row.share) },
              { title: "Used of its own", width: "2fr", cell: (row) => row.quotas?.map((each) => `${each.resource} ${each.used}/${each.nominal}${each.borrowed && each.borrowed !== "0" ? ` (${each.borrowed} lent)` : ""}`).join(", ") ?? "" },
            ]}
          />
        </section>
      )}
      {object && <PodDrawer id={object} row={pods.find((row) => row.id === object)} />}
    </>
  );
}

function PodDrawer({ id, row }: { id: string; row: PendingRow | undefined }) {
  const [namespace = "", name = ""] = id.split("/");
  const told = useAnswer<Explanation>(`/api/why/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`);
  return (
    <Drawer title={name} close={() => go("queue")}>
      {row ? (
        <>
          <div class="actions"><Badge tone="coming">waits for {ago(row.since)}</Badge></div>
          <dl class="facts">
            <dt>Namespace</dt><dd>{namespace}</dd>
            <dt>Of</dt><dd>{row.workload || "nothing: it was made by hand"}</dd>
            <dt>Scheduler</dt><dd>{row.scheduler}</dd>
            <dt>Priority</dt><dd>{row.priority ?? 0}</dd>
            {row.nominated && (<><dt>Room is made on</dt><dd>{row.nominated}</dd></>)}
          </dl>
          <div class="said">{row.message || "Its scheduler has not said anything yet."}</div>
        </>
      ) : (
        <div class="said well">It waits no more.</div>
      )}
      <div class="stack">
        <h2>What would let it run</h2>
        {told === null && <p class="muted">Trying changes on a copy of the cluster …</p>}
        {typeof told === "string" && <div class="said ill">{told}</div>}
        {told && typeof told !== "string" && <Answer told={told} />}
      </div>
      <Command>{`kubewright why pod/${name} -n ${namespace}`}</Command>
    </Drawer>
  );
}
