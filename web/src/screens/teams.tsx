import { rowsOf } from "../api";
import { amount, figure, resourceName } from "../format";
import { Charted, OfAnswer, useMeasured } from "../measured";
import { Badge, byNumber, byText, Command, Drawer, Empty, Meter, Table, Tile } from "../parts";
import { go } from "../route";
import type { QueueRow, TeamFigures, TeamRow } from "../rows";

function money(text: string | undefined): number {
  return Number.parseFloat((text ?? "").replace(/[^0-9.]/g, "")) || 0;
}

export function Teams({ object }: { object: string }) {
  const rows = rowsOf<TeamRow>("teams");
  if (!rows.value.arrived) return <Empty title="Reading the cluster …" />;
  const all = [...rows.value.all.values()].sort((a, b) => ((a.path || a.id) < (b.path || b.id) ? -1 : 1));
  const queue = rowsOf<QueueRow>("queues").value.all.get(object);
  const chosen = rows.value.all.get(object);
  const over = all.filter((row) => row.over);
  return (
    <>
      <div class="head"><h1>Teams</h1></div>
      <div class="tiles">
        <Tile name="Teams" value={all.length}>{all.filter((row) => row.ready).length} as they should be</Tile>
        <Tile name="Namespaces" value={all.reduce((sum, row) => sum + (row.namespaces?.length ?? 0), 0)}>of all of them</Tile>
        <Tile name="Over budget" value={over.length}>as the month is forecast</Tile>
        <Tile name="Let in for a while" value={all.reduce((sum, row) => sum + (row.let_in?.length ?? 0), 0)}>people</Tile>
      </div>
      <section class="card">
        {all.length ? (
          <Table
            label="Teams"
            rows={all}
            chosen={object}
            choose={(row) => go("teams", row.id)}
            columns={[
              { title: "Team", width: "minmax(140px, 1.2fr)", cell: (row) => row.path || row.id, order: byText((row) => row.path || row.id) },
              { title: "State", width: "110px", cell: (row) => <Badge tone={row.ready ? (row.problems?.length ? "coming" : "well") : "ill"}>{row.ready ? (row.problems?.length ? "look" : "ready") : "not ready"}</Badge> },
              { title: "People", width: "64px", number: true, cell: (row) => row.members ?? 0, order: byNumber((row) => row.members) },
              { title: "Namespaces", width: "minmax(120px, 1.2fr)", cell: (row) => row.namespaces?.join(", ") ?? "" },
              { title: "Quota", width: "minmax(140px, 1.4fr)", cell: (row) => Object.entries(row.quota ?? {}).map(([name, amount]) => `${name} ${amount}`).join(", ") || "none" },
              { title: "Spent", width: "96px", number: true, cell: (row) => row.spent || "–", order: byNumber((row) => money(row.spent)) },
              { title: "Of budget", width: "110px", cell: (row) => (row.budget ? <Meter share={money(row.spent) / money(row.budget)} label={`${row.spent} of ${row.budget}`} /> : <span class="muted">none</span>) },
            ]}
          />
        ) : (
          <Empty title="No teams yet"><Command>kubectl apply -f examples/team.yaml</Command></Empty>
        )}
      </section>
      {chosen && (
        <Drawer title={chosen.id} close={() => go("teams")}>
          {chosen.problems?.map((each) => <div class="said ill" key={each}>{each}</div>)}
          <dl class="facts">
            <dt>Namespaces</dt><dd>{chosen.namespaces?.join(", ") || "none"}</dd>
            <dt>People</dt><dd>{chosen.members ?? 0}</dd>
            {chosen.on_call && (<><dt>On call</dt><dd>{chosen.on_call}</dd></>)}
            {Object.entries(chosen.quota ?? {}).map(([name, amount]) => (<><dt>{name}</dt><dd>at most {amount}</dd></>))}
            <dt>Budget</dt><dd>{chosen.budget ? `${chosen.budget} ${chosen.currency ?? ""} a month` : "none"}</dd>
            {chosen.spent && (<><dt>Spent</dt><dd>{chosen.spent}; forecast {chosen.forecast}{chosen.used_up ? `, used up ${chosen.used_up}` : ""}</dd></>)}
            {queue && (<><dt>Queue</dt><dd>{queue.running ?? 0} run, {queue.pending ?? 0} wait, share {queue.share || "0"}</dd></>)}
          </dl>
          <Figures key={chosen.id} id={chosen.id} />
          {chosen.let_in?.map((each) => <div class="said" key={each}>{each}</div>)}
          <Command>{`kubewright team describe ${chosen.id}`}</Command>
          <Command>{`kubewright cost --by team`}</Command>
        </Drawer>
      )}
    </>
  );
}

/** What a team uses of what it requests and may have, and what its days cost. */
function Figures({ id }: { id: string }) {
  const answer = useMeasured<TeamFigures & { missing?: string }>(`/api/measured/teams/${encodeURIComponent(id)}`);
  return (
    <div class="stack">
      <h2>Use and cost</h2>
      <OfAnswer what="What a team uses and costs" answer={answer}>
        {(told) => (
          <>
            {told.use.map((each) => <Use key={each.resource} use={each} />)}
            {told.missing_use && <div class="said">Use: {told.missing_use}</div>}
            {told.cost ? <Cost cost={told.cost} /> : <div class="said">Cost: {told.missing_cost}</div>}
          </>
        )}
      </OfAnswer>
    </div>
  );
}

function Use({ use }: { use: TeamFigures["use"][number] }) {
  const { resource, requested = 0, used, quota } = use;
  const whole = quota ?? requested;
  const said = (value: number | undefined) => (value === undefined ? "unknown" : amount(resource, value));
  return (
    <div class="stack tight">
      <div class="head"><span>{resourceName(resource)}</span><span class="push muted">{said(used)} used, {said(requested)} requested{quota === undefined ? "" : `, ${said(quota)} allowed`}</span></div>
      {used !== undefined && <Meter share={whole ? used / whole : 0} label={`${resourceName(resource)}: ${said(used)} used of ${said(whole)}`} />}
      <Meter share={whole ? requested / whole : 0} label={`${resourceName(resource)}: ${said(requested)} requested of ${said(whole)}`} quiet />
    </div>
  );
}

function Cost({ cost }: { cost: NonNullable<TeamFigures["cost"]> }) {
  const at = cost.days.map((day) => day.at);
  const daily = cost.budget ? [{ value: cost.budget / 30.4, what: "the budget, by the day" }] : [];
  return (
    <>
      <h3>Cost by the day, {cost.currency}</h3>
      <Charted label="Cost by the day" at={at} lines={[{ name: "cost", values: cost.days.map((day) => day.spent) }]} levels={daily} bars />
      <p>
        {cost.spent === undefined ? cost.basis : `${figure(cost.spent)} ${cost.currency} this month, ${figure(cost.expected ?? 0)} expected by its end`}
        {cost.budget ? ` of ${figure(cost.budget)} allowed` : ""}
        {cost.used_up ? `; used up on ${new Date(cost.used_up * 1000).toLocaleDateString()}` : ""}.
        {cost.spent !== undefined && cost.basis ? <span class="muted"> By {cost.basis}.</span> : null}
      </p>
    </>
  );
}
