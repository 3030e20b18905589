import { useSignal } from "@preact/signals";
import { rowsOf } from "../api";
import { ago, moment } from "../format";
import { Badge, byNumber, byText, Command, Drawer, Empty, Filter, Table, type Tone } from "../parts";
import { go } from "../route";
import type { EntryRow } from "../rows";

const TONES: Record<string, Tone> = { Done: "well", Failed: "ill", Intended: "coming", Decided: "" };

export function Audit({ object }: { object: string }) {
  const rows = rowsOf<EntryRow>("audit");
  const filter = useSignal("");
  if (!rows.value.arrived) return <Empty title="Reading the cluster …" />;
  const wanted = filter.value.toLowerCase();
  const all = [...rows.value.all.values()]
    .filter((row) => !wanted || `${row.about} ${row.who} ${row.kind} ${row.why} ${row.outcome}`.toLowerCase().includes(wanted))
    .sort((a, b) => b.at - a.at || b.record - a.record);
  const chosen = rows.value.all.get(object);
  return (
    <>
      <div class="head">
        <h1>Audit</h1>
        <div class="push">
          <Filter text={filter} of="entries" by="object, person, reason" />
        </div>
      </div>
      <section class="card">
        {all.length ? (
          <Table
            label="Entries"
            rows={all}
            chosen={object}
            choose={(row) => go("audit", row.id)}
            columns={[
              { title: "When", width: "88px", cell: (row) => <span title={new Date(row.at * 1000).toISOString()}>{ago(row.at)}</span>, order: byNumber((row) => row.at) },
              { title: "What", width: "110px", cell: (row) => <Badge tone={TONES[row.kind] ?? ""}>{row.kind}</Badge>, order: byText((row) => row.kind) },
              { title: "Who", width: "minmax(120px, 1fr)", cell: (row) => row.who, order: byText((row) => row.who) },
              { title: "About", width: "minmax(180px, 1.6fr)", cell: (row) => <span title={row.about}>{row.about}</span>, order: byText((row) => row.about) },
              { title: "Why, or how it came out", width: "minmax(200px, 2.4fr)", cell: (row) => <span class="muted">{row.outcome || row.why}</span> },
            ]}
          />
        ) : (
          <Empty title="Nothing is written yet">What the platform decides and does is written here, in one chain.</Empty>
        )}
      </section>
      {chosen && (
        <Drawer title={chosen.about || chosen.kind} close={() => go("audit")}>
          <div class="actions"><Badge tone={TONES[chosen.kind] ?? ""}>{chosen.kind}</Badge><span class="muted">{moment(chosen.at)} by {chosen.who}</span></div>
          {chosen.why && <div class="said">{chosen.why}</div>}
          {chosen.outcome && <div class="said">{chosen.outcome}</div>}
          <ol class="list">{chosen.actions?.map((each) => <li class="mono" key={each}>{each}</li>)}</ol>
          <dl class="facts">{Object.entries(chosen.details ?? {}).map(([name, text]) => (<><dt>{name}</dt><dd>{text}</dd></>))}</dl>
          <Command>{`kubewright audit show ${chosen.about || chosen.record}`}</Command>
        </Drawer>
      )}
      <Command>kubewright audit verify</Command>
    </>
  );
}
