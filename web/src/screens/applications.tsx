import { useComputed, useSignal } from "@preact/signals";
import { me, rowsOf } from "../api";
import { ago, figure } from "../format";
import { Charted, OfAnswer, useMeasured } from "../measured";
import { Action, Badge, byNumber, byText, Command, Drawer, Empty, Filter, Segments, Table, Tile, type Tone } from "../parts";
import { go, link } from "../route";
import type { AppRow, Course, Release, Traffic } from "../rows";
import { Topology } from "../topology";

const MOVING = new Set(["Rehearsing", "Progressing", "Switched", "Promoting", "Verifying"]);

export function tone(row: AppRow): Tone {
  if (row.ready) return "well";
  return row.ill || row.release?.phase === "RolledBack" ? "ill" : "coming";
}

export function Applications({ object }: { object: string }) {
  const rows = rowsOf<AppRow>("apps");
  const filter = useSignal("");
  const asMap = useSignal(false);
  const apps = useComputed(() => {
    const wanted = filter.value.toLowerCase();
    const all = [...rows.value.all.values()];
    const found = wanted ? all.filter((row) => `${row.id} ${row.team} ${row.image}`.toLowerCase().includes(wanted)) : all;
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  });
  if (!rows.value.arrived) return <Empty title="Reading the cluster …" />;
  const all = [...rows.value.all.values()];
  const moving = all.filter((row) => row.release && MOVING.has(row.release.phase));
  const chosen = rows.value.all.get(object);
  return (
    <>
      <div class="head">
        <h1>Applications</h1>
        <div class="push">
          <Filter text={filter} of="applications" by="name, team, image" />
          <Segments label="Form" chosen={asMap} of={[[false, "List"], [true, "Who calls whom"]]} />
        </div>
      </div>
      <div class="tiles">
        <Tile name="Applications" value={all.length}>{all.filter((row) => row.ready).length} ready</Tile>
        <Tile name="Not ready" value={all.filter((row) => !row.ready).length}>each says why</Tile>
        <Tile name="Releases under way" value={moving.length}>
          {all.filter((row) => row.release?.phase === "RolledBack").length} rolled back
        </Tile>
        <Tile name="Pods" value={all.reduce((sum, row) => sum + (row.up ?? 0), 0)}>
          ready; {all.reduce((sum, row) => sum + (row.ill ?? 0), 0)} ill
        </Tile>
      </div>
      {!all.length ? (
        <section class="card">
          <Empty title="No applications yet">
            <Command>kubectl apply -f examples/hello.yaml</Command>
          </Empty>
        </section>
      ) : asMap.value ? (
        <section class="card">
          <div class="body"><Map apps={apps.value} object={object} /></div>
        </section>
      ) : (
        <section class="card">
          <Table
            label="Applications"
            rows={apps.value}
            chosen={object}
            choose={(row) => go("apps", row.id)}
            columns={[
              { title: "Application", width: "minmax(180px, 1.4fr)", cell: (row) => <span title={row.id}>{row.name}</span>, order: byText((row) => row.name) },
              { title: "Namespace", width: "minmax(100px, 1fr)", cell: (row) => <span class="muted">{row.namespace}</span>, order: byText((row) => row.namespace) },
              { title: "State", width: "110px", cell: (row) => <Badge tone={tone(row)}>{row.ready ? "ready" : row.ill ? "ill" : "not ready"}</Badge>, order: byText((row) => tone(row)) },
              { title: "Pods", width: "72px", number: true, cell: (row) => `${row.up ?? 0}/${row.wanted ?? 0}`, order: byNumber((row) => row.up) },
              { title: "Release", width: "minmax(140px, 1.2fr)", cell: (row) => row.release?.where ?? "–", order: byText((row) => row.release?.phase) },
              { title: "Why not ready", width: "minmax(160px, 2fr)", cell: (row) => <span class="muted" title={row.why}>{row.why ?? ""}</span> },
            ]}
          />
        </section>
      )}
      {object && <AppDrawer id={object} row={chosen} />}
    </>
  );
}

/** Who calls whom, with what was measured of it. */
function Map({ apps, object }: { apps: readonly AppRow[]; object: string }) {
  const told = useMeasured<Traffic>("/api/measured/traffic");
  const traffic = told !== null && typeof told !== "string" ? told : null;
  const why = typeof told === "string" ? told : traffic?.missing;
  return (
    <div class="stack">
      <Topology apps={apps} chosen={object} choose={(id) => go("apps", id)} traffic={traffic} />
      <p class="muted">
        {!me.value?.measured
          ? "Who may call whom, as applications say. Traffic is drawn with a store of measurements: --prometheus URL."
          : why
            ? `Traffic: ${why}.`
            : traffic?.edges?.length
              ? "Requests a second, of the last minute: what each takes, and what a mesh counts between them."
              : "Requests a second that each takes, of the last minute. Between them only a mesh (Istio, Linkerd) counts."}
      </p>
    </div>
  );
}

/** How fast releases use up the error budget, and which share of the requests each takes. */
function Burn({ row }: { row: AppRow }) {
  const answer = useMeasured<Course>(`/api/measured/apps/${encodeURIComponent(row.namespace)}/${encodeURIComponent(row.name)}`);
  return (
    <div class="stack">
      <h2>Error budget</h2>
      <OfAnswer what="How fast the error budget is used" answer={answer}>
        {(course) => (
          <>
            <h3>Burn rate by release: 1 uses the budget up by the end of its window</h3>
            <Charted
              label="Burn rate by release"
              at={course.at ?? []}
              lines={course.lines ?? []}
              marks={course.marks ?? []}
              levels={course.bound ? [{ value: course.bound, what: `a release fails at ${figure(course.bound)}` }] : []}
            />
            {(course.shares?.length ?? 0) > 1 && (
              <>
                <h3>Share of the requests by release</h3>
                <Charted label="Share of the requests by release" at={course.at ?? []} lines={course.shares ?? []} marks={course.marks ?? []} percent height={120} />
              </>
            )}
          </>
        )}
      </OfAnswer>
    </div>
  );
}

function AppDrawer({ id, row }: { id: string; row: AppRow | undefined }) {
  const all = rowsOf<AppRow>("apps").value.all;
  if (!row) {
    return (
      <Drawer title={id} close={() => go("apps")}>
        <Empty title="There is no such application" />
      </Drawer>
    );
  }
  const callers = [...all.values()].filter((each) => each.calls?.includes(id));
  const { name, namespace } = row;
  return (
    <Drawer title={name} close={() => go("apps")}>
      <div class="actions">
        <Badge tone={tone(row)}>{row.ready ? "ready" : "not ready"}</Badge>
        <Action action="pause" name={name} namespace={namespace}>Pause rollout</Action>
        <Action action="resume" name={name} namespace={namespace}>Resume</Action>
      </div>
      {row.why && <div class="said ill">{row.why}</div>}
      <dl class="facts">
        <dt>Namespace</dt><dd>{namespace}</dd>
        {row.team && (<><dt>Team</dt><dd><a href={link("teams", row.team)}>{row.team}</a></dd></>)}
        <dt>Image</dt><dd class="mono">{row.image}</dd>
        <dt>Pods</dt><dd>{row.up ?? 0} ready of {row.wanted ?? 0}, {row.coming ?? 0} coming, {row.ill ?? 0} ill</dd>
        {row.url && (<><dt>Address</dt><dd class="mono">{row.url}</dd></>)}
      </dl>
      {row.release && <Rollout release={row.release} />}
      <Burn row={row} />
      <div>
        <h2>Who calls whom</h2>
        <dl class="facts">
          <dt>Calls</dt><dd><Ids ids={row.calls ?? []} /></dd>
          <dt>Called by</dt><dd><Ids ids={callers.map((each) => each.id)} /></dd>
        </dl>
      </div>
      <Command>{`kubewright rollout status ${name} -n ${namespace}`}</Command>
      <Command>{`kubewright why appservice/${name} -n ${namespace}`}</Command>
    </Drawer>
  );
}

function Ids({ ids }: { ids: readonly string[] }) {
  if (!ids.length) return <span class="muted">nobody</span>;
  return <>{ids.map((id, index) => <>{index ? ", " : ""}<a key={id} href={link("apps", id)}>{id}</a></>)}</>;
}

function Rollout({ release }: { release: Release }) {
  const moving = release.phase === "Progressing";
  const now = release.step ?? 0;
  return (
    <div>
      <h2>Release</h2>
      <p>{release.phase}{release.where ? `: ${release.where}` : ""}{release.since ? `, for ${ago(release.since)}` : ""}</p>
      {!!release.steps?.length && (
        <>
          <div class="steps" role="img" aria-label={moving ? `step ${now + 1} of ${release.steps.length}` : release.phase}>
            {release.steps.map((weight, index) => (
              <i key={weight} class={!moving ? (release.phase === "Stable" ? "done" : "") : index < now ? "done" : index === now ? "now" : ""} />
            ))}
            <i class={release.phase === "Stable" ? "done" : ""} />
          </div>
          <p class="muted">{[...release.steps, 100].map((each) => `${each} %`).join(" → ")}</p>
        </>
      )}
      {release.message && <p class="muted">{release.message}</p>}
    </div>
  );
}
