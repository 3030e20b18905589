// Why a pod waits, as `kubewright why -o json` says it.

import { Meter } from "./parts";
import { span } from "./format";

interface Waiting {
  message: string;
  hint: string;
  node: string;
  place: { ahead: number; waiting: number } | null;
  eta: { lowSeconds: number | null; seconds: number | null; highSeconds: number | null } | null;
  queue: { name: string; why: string; borrowers: string[]; helps: string[] } | null;
  diagnosis: { nodes: number; filters: { filter: string; nodes: number; alone: number; reasons: { reason: string; nodes: number }[] }[] } | null;
  impossible: string[];
  remedies: { text: string; cost: number; node: string }[];
}

export interface Explanation {
  well: boolean;
  pods: Waiting[];
}

export function Answer({ told }: { told: Explanation }) {
  const pod = told.pods[0];
  if (!pod) return <div class="said well">It waits for nothing.</div>;
  const filters = pod.diagnosis?.filters ?? [];
  return (
    <>
      {pod.place && <p>{pod.place.ahead + 1} in line of {pod.place.waiting}{eta(pod)}</p>}
      {pod.queue && <div class="said">Queue {pod.queue.name}: {[pod.queue.why, ...pod.queue.borrowers].join("; ")}</div>}
      {filters.map((each) => (
        <div key={each.filter}>
          <div class="head"><span>{each.reasons.map((reason) => `${reason.reason}`).join(", ")}</span><span class="push muted">{each.nodes} of {pod.diagnosis?.nodes} nodes</span></div>
          <Meter share={each.nodes / (pod.diagnosis?.nodes || 1)} label={`${each.filter} refuses ${each.nodes} nodes`} />
        </div>
      ))}
      {pod.impossible.map((each) => <div class="said ill" key={each}>{each}</div>)}
      {pod.remedies.length ? (
        <>
          <h3>Each of these alone would let it run, the cheapest first</h3>
          <ol class="list">
            {pod.remedies.map((each) => (
              <li class="said" key={each.text + each.node}>{each.text}<span class="muted"> → {each.node}</span></li>
            ))}
          </ol>
        </>
      ) : (
        <p class="muted">No single change was found that would let it run.</p>
      )}
      {pod.queue?.helps.map((each) => <div class="said" key={each}>{each}</div>)}
    </>
  );
}

function eta(pod: Waiting): string {
  const { eta: at } = pod;
  if (!at || at.seconds === null) return "; when it starts is not in sight";
  const to = at.highSeconds === null ? "" : ` (at most ${span(at.highSeconds)})`;
  return `; expected to start in ${span(at.seconds)}${to}`;
}
