import { useSignal } from "@preact/signals";
import { ask, reason, rowsOf } from "../api";
import { Badge, byText, Command, Empty, Meter, Table, Tile } from "../parts";
import type { NodeRow } from "../rows";

interface Change {
  kind: "add" | "remove" | "scale";
  name: string;
  namespace: string;
  count: number;
}

interface Effect {
  harms: boolean;
  nodes: { before: number; after: number };
  placed: { pod: string; node: string }[];
  moved: { pod: string; from: string; to: string }[];
  lost: { pod: string; why: string }[];
  evicted: { pod: string; by: string }[];
  waiting: { pod: string; why: string }[];
  utilisation: { resource: string; before: { share: number }; after: { share: number } }[];
}

const SAID = { add: "Add nodes like", remove: "Remove the node", scale: "Scale" };

function argument(change: Change): string {
  if (change.kind === "add") return `--add-nodes ${change.count}=like:${change.name}`;
  return change.kind === "remove" ? `--remove-node ${change.name}` : `--scale ${change.name}=${change.count} -n ${change.namespace}`;
}

export function WhatIf(_: { object: string }) {
  const changes = useSignal<Change[]>([]);
  const kind = useSignal<Change["kind"]>("add");
  const name = useSignal("");
  const namespace = useSignal("default");
  const count = useSignal(1);
  const effect = useSignal<Effect | string | null>(null);
  const busy = useSignal(false);
  const nodes = [...rowsOf<NodeRow>("fleet").value.all.keys()].sort().slice(0, 500);
  const add = (event: Event) => {
    event.preventDefault();
    changes.value = [...changes.value, { kind: kind.value, name: name.value.trim(), namespace: namespace.value.trim(), count: count.value }];
    effect.value = null;
  };
  const attempt = async () => {
    busy.value = true;
    try {
      effect.value = await ask<Effect>("/api/whatif", "POST", { changes: changes.value });
    } catch (error) {
      effect.value = reason(error);
    }
    busy.value = false;
  };
  const found = effect.value;
  return (
    <>
      <div class="head"><h1>What if</h1><span class="muted">Tried on a copy of the cluster; nothing is changed.</span></div>
      <section class="card">
        <form class="body actions" onSubmit={add}>
          <select class="field" aria-label="What changes" value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as Change["kind"])}>
            {Object.entries(SAID).map(([each, text]) => <option key={each} value={each}>{text}</option>)}
          </select>
          <input class="field" required list="nodes" aria-label={kind.value === "scale" ? "Workload" : "Node"} placeholder={kind.value === "scale" ? "deployment/web" : "node-01"} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
          <datalist id="nodes">{kind.value !== "scale" && nodes.map((each) => <option key={each} value={each} />)}</datalist>
          {kind.value === "scale" && <input class="field" required aria-label="Namespace" value={namespace.value} onInput={(event) => (namespace.value = event.currentTarget.value)} />}
          {kind.value !== "remove" && <input class="field" type="number" min={kind.value === "add" ? 1 : 0} max={10000} required aria-label="How many" value={count.value} onInput={(event) => (count.value = event.currentTarget.valueAsNumber || 0)} />}
          <button class="button" type="submit">Add this change</button>
        </form>
        {!!changes.value.length && (
          <div class="body actions">
            {changes.value.map((change, index) => (
              <button type="button" class="button" key={argument(change)} title="Drop this change" onClick={() => (changes.value = changes.value.filter((_, at) => at !== index))}>
                {SAID[change.kind]} {change.name}{change.kind === "remove" ? "" : `: ${change.count}`} ×
              </button>
            ))}
            <button type="button" class="button main-one" disabled={busy.value} onClick={attempt}>{busy.value ? "Trying …" : "Try it"}</button>
          </div>
        )}
      </section>
      {typeof found === "string" && <div class="said ill" role="alert">{found}</div>}
      {found && typeof found !== "string" && (
        <>
          <div class="tiles">
            <Tile name="Nodes" value={`${found.nodes.before} → ${found.nodes.after}`} />
            <Tile name="Would be placed" value={found.placed.length}>pods</Tile>
            <Tile name="Would move or be evicted" value={found.moved.length + found.evicted.length}>pods</Tile>
            <Tile name="Worse off" value={found.lost.length + found.waiting.length}>{found.harms ? "somebody is" : "nobody is"}</Tile>
          </div>
          <section class="card">
            <header><h2>Requested of what there is</h2></header>
            <div class="body stack">
              {found.utilisation.map((each) => (
                <div key={each.resource} class="stack">
                  <div class="head"><span>{each.resource}</span><span class="push muted">{Math.round(each.before.share * 100)} % → {Math.round(each.after.share * 100)} %</span></div>
                  <Meter share={each.before.share} label={`${each.resource} before`} />
                  <Meter share={each.after.share} label={`${each.resource} after`} />
                </div>
              ))}
            </div>
          </section>
          <section class="card"><Effects found={found} /></section>
        </>
      )}
      {!!changes.value.length && <Command>{`kubewright whatif ${changes.value.map(argument).join(" ")}`}</Command>}
    </>
  );
}

function Effects({ found }: { found: Effect }) {
  const rows = [
    ...found.lost.map((each) => ({ id: each.pod, what: "lost", tone: "ill" as const, where: each.why })),
    ...found.waiting.map((each) => ({ id: each.pod, what: "waits", tone: "ill" as const, where: each.why })),
    ...found.evicted.map((each) => ({ id: each.pod, what: "evicted", tone: "coming" as const, where: `for ${each.by}` })),
    ...found.moved.map((each) => ({ id: each.pod, what: "moves", tone: "coming" as const, where: `${each.from} → ${each.to}` })),
    ...found.placed.map((each) => ({ id: each.pod, what: "placed", tone: "well" as const, where: each.node })),
  ];
  if (!rows.length) return <Empty title="No pod's place would change" />;
  return (
    <Table
      label="Pods"
      rows={rows}
      columns={[
        { title: "Pod", width: "1.4fr", cell: (row) => <span title={row.id}>{row.id}</span>, order: byText((row) => row.id) },
        { title: "What", width: "110px", cell: (row) => <Badge tone={row.tone}>{row.what}</Badge>, order: byText((row) => row.what) },
        { title: "Where, or why", width: "2fr", cell: (row) => row.where, order: byText((row) => row.where) },
      ]}
    />
  );
}
