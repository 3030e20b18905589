import { rowsOf } from "../api";
import { ago, moment, span } from "../format";
import { Action, Badge, byNumber, byText, Command, Drawer, Empty, Table, Tile, type Tone } from "../parts";
import { go } from "../route";
import type { ChangeRow, IncidentRow } from "../rows";

const OVER = "Resolved";

function tone(row: IncidentRow): Tone {
  if (row.phase === OVER) return "well";
  return row.phase === "Escalated" || row.phase === "Observed" ? "ill" : "coming";
}

function lasted(row: IncidentRow): number {
  const from = row.times?.["fault"] ?? row.created ?? 0;
  return (row.times?.["restored"] ?? Date.now() / 1000) - from;
}

export function Incidents({ object }: { object: string }) {
  const rows = rowsOf<IncidentRow>("incidents");
  const all = [...rows.value.all.values()].sort(
    (a, b) => Number(a.phase === OVER) - Number(b.phase === OVER) || (b.created ?? 0) - (a.created ?? 0),
  );
  if (!rows.value.arrived) return <Empty title="Reading the cluster …" />;
  const over = all.filter((row) => row.phase === OVER);
  const times = over.map(lasted).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  const chosen = rows.value.all.get(object);
  return (
    <>
      <div class="head"><h1>Incidents</h1></div>
      <div class="tiles">
        <Tile name="Open" value={all.length - over.length}>{all.filter((row) => row.phase === "AwaitingApproval").length} wait for approval</Tile>
        <Tile name="Handed to people" value={all.filter((row) => row.phase === "Escalated").length}>where nothing helped</Tile>
        <Tile name="Resolved" value={over.length}>and verified</Tile>
        <Tile name="Fault to restored" value={median === undefined ? "–" : span(median)}>at the median</Tile>
      </div>
      <section class="card">
        {all.length ? (
          <Table
            label="Incidents"
            rows={all}
            chosen={object}
            choose={(row) => go("incidents", row.id)}
            columns={[
              { title: "Cause", width: "minmax(160px, 1.2fr)", cell: (row) => row.cause, order: byText((row) => row.cause) },
              { title: "About", width: "minmax(180px, 1.6fr)", cell: (row) => <span title={row.about}>{row.about}</span>, order: byText((row) => row.about) },
              { title: "State", width: "150px", cell: (row) => <Badge tone={tone(row)}>{row.phase ?? "Open"}</Badge>, order: byText((row) => row.phase) },
              { title: "Remedy", width: "minmax(120px, 1fr)", cell: (row) => row.remedy || "–", order: byText((row) => row.remedy) },
              { title: "Began", width: "72px", number: true, cell: (row) => ago(row.created), order: byNumber((row) => row.created) },
              { title: "Lasted", width: "72px", number: true, cell: (row) => span(lasted(row)), order: byNumber(lasted) },
            ]}
          />
        ) : (
          <Empty title="Nothing is wrong">What goes wrong is told here from the fault to the proof.</Empty>
        )}
      </section>
      {chosen && <Story row={chosen} />}
    </>
  );
}

interface Step {
  at?: number | undefined;
  title: string;
  lines: string[];
  tone: Tone | "change";
}

/** So long before the fault, and after it is over, changes may have to do with it. */
const BEFORE = 1800;
const AFTER = 300;
const SHOWN_LINES = 8;

/** The namespaces an incident is about; none where it is about the cluster's own, which hits all. */
function concerned(row: IncidentRow): ReadonlySet<string> {
  return new Set([row.about, ...(row.affected ?? [])].map((each) => each.split("/")).filter((each) => each.length === 3).map((each) => each[1] ?? ""));
}

function changes(row: IncidentRow, topic: string, title: string): Step[] {
  const spaces = concerned(row);
  const began = row.times?.["fault"] ?? row.created ?? 0;
  const over = row.times?.["restored"] ?? Date.now() / 1000;
  return [...rowsOf<ChangeRow>(topic).value.all.values()]
    .filter((each) => each.at >= began - BEFORE && each.at <= over + AFTER && (!spaces.size || spaces.has(each.namespace)))
    .map((each) => ({ at: each.at, title, lines: [`${each.about}: ${each.what ?? ""}`], tone: "change" }));
}

/** The incident's own steps in their order, with what else changed between them; what changed together is one. */
function timeline(row: IncidentRow): Step[] {
  const others = [...changes(row, "releases", "Release"), ...changes(row, "scalings", "Scaling")].sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  const told: Step[] = [];
  const add = (step: Step) => {
    const last = told.at(-1);
    if (last?.tone === "change" && step.title === last.title) last.lines.push(...step.lines);
    else told.push(step);
  };
  for (const step of steps(row)) {
    while (step.at && others[0] && (others[0].at ?? 0) < step.at) add(others.shift() as Step);
    told.push(step);
  }
  others.forEach(add);
  return told;
}

function since(seconds: number): string {
  return seconds < 0 ? `−${span(-seconds)}` : `+${span(seconds)}`;
}

function steps(row: IncidentRow): Step[] {
  const times = row.times ?? {};
  const found: Step[] = [];
  found.push({ at: times["fault"], title: "Fault", lines: [row.about + (row.part ? `, ${row.part}` : "")], tone: "ill" });
  found.push({ at: times["detected"], title: "Told", lines: row.signals ?? [], tone: "ill" });
  found.push({ at: times["diagnosed"], title: `Cause: ${row.cause}`, lines: row.evidence ?? [], tone: "" });
  if (row.remedy) found.push({ at: times["decided"], title: `Plan: ${row.remedy}`, lines: [row.reason ?? "", ...(row.plan ?? [])], tone: "" });
  if (row.rehearsed != null) {
    found.push({ at: times["decided"], title: row.rehearsed ? "Rehearsal passed" : "Rehearsal refused", lines: [row.rehearsal ?? ""], tone: row.rehearsed ? "" : "ill" });
  }
  for (const each of row.actions ?? []) {
    const helped = each.outcome === "Helped" || !each.outcome;
    found.push({ at: each.started, title: `Action: ${each.remedy}, ${each.outcome || "under way"}`, lines: [each.message ?? ""], tone: helped ? "" : "ill" });
  }
  if (times["restored"]) found.push({ at: times["restored"], title: "Restored", lines: ["The cause is found no more."], tone: "" });
  if (times["verified"]) found.push({ at: times["verified"], title: "Verified", lines: [row.verification ?? ""], tone: "" });
  return found;
}

function Story({ row }: { row: IncidentRow }) {
  const began = row.times?.["fault"] ?? row.created ?? 0;
  return (
    <Drawer title={row.cause} close={() => go("incidents")}>
      <div class="actions">
        <Badge tone={tone(row)}>{row.phase ?? "Open"}</Badge>
        {row.phase === "AwaitingApproval" && <Action action="approve" name={row.name} namespace={row.namespace} plan={row.digest}>Approve</Action>}
        {row.phase !== OVER && !row.paused && <Action action="leave" name={row.name} namespace={row.namespace}>Leave it to me</Action>}
        {row.paused && <Action action="heal" name={row.name} namespace={row.namespace}>Let the healer go on</Action>}
      </div>
      {row.message && <div class="said">{row.message}</div>}
      <ol class="story">
        {timeline(row).map((step) => (
          <li key={`${step.title} ${step.at}`}>
            <time class="num muted" title={step.at ? moment(step.at) : undefined}>{step.at ? since(step.at - began) : ""}</time>
            <span class={`dot ${step.tone}`} />
            <div>
              <strong>{step.title}</strong>
              {step.lines.filter(Boolean).slice(0, SHOWN_LINES).map((line) => <div class="muted" key={line}>{line}</div>)}
              {step.lines.length > SHOWN_LINES && <div class="muted">and {step.lines.length - SHOWN_LINES} more</div>}
            </div>
          </li>
        ))}
      </ol>
      {!!row.affected?.length && (<div><h2>Who suffers</h2><ul class="list">{row.affected.map((each) => <li key={each}>{each}</li>)}</ul></div>)}
      <dl class="facts">
        <dt>Policy</dt><dd>{row.policy || "none: it is only observed"}</dd>
        <dt>Came back</dt><dd>{row.recurrences ?? 0} times</dd>
        {row.approved && (<><dt>Approved by</dt><dd>{row.approved}</dd></>)}
      </dl>
      <Command>{`kubewright incidents describe ${row.name} -n ${row.namespace}`}</Command>
    </Drawer>
  );
}
