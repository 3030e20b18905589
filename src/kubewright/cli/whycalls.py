"""What `kubewright why` asks the API server, and how it shows the answer."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.app import PROFILES
from kubewright.cli.connection import connected
from kubewright.cli.exits import Exit
from kubewright.cli.live import read_cluster
from kubewright.cli.printing import show
from kubewright.client.config import ConnectionConfig
from kubewright.clock import Clock
from kubewright.explain.answers import Answer, Waiting, about_owner, about_pod
from kubewright.explain.changes import duration
from kubewright.explain.documents import explanations
from kubewright.explain.targets import parse_target
from kubewright.placement.diagnosis import Diagnosis


async def show_why(config: ConnectionConfig, text: str, namespace: str, output: str, profile: str) -> int:
    """Print why a target waits; 0 if it does not."""
    target = parse_target(text)
    key = ObjectKey(namespace or config.namespace, target.name)
    policy, now = PROFILES[profile], Clock.wall().now()
    async with connected(config) as client:
        found = await client.get(target.resource, key)
        cluster = await read_cluster(client)
    if target.resource is PODS:
        # As of the list, where the others are, if it is still there.
        pod = next((each for each in cluster.pods if each.key == key), found)
        answer = about_pod(pod, cluster, now, policy)
    else:
        answer = about_owner(found.metadata.uid, cluster, now, policy)
    show(output, lambda: explanations(answer, f"{target}"), lambda: lines(answer, f"{target}"))
    return Exit.OK if answer.is_well else Exit.UNWELL


def lines(answer: Answer, target: str) -> Iterator[str]:
    """Yield an answer for people."""
    if not (answer.placed or answer.waiting or answer.unmade):
        yield f"{target} has no pods"
    for pod in answer.placed:
        where = f"is on node {pod.spec.node_name}" if pod.spec.node_name else "has no node"
        yield f"pod {pod.key} {where} ({pod.status.phase})"
    for each in answer.waiting:
        yield from _waiting(each)
    if answer.unexplained:
        yield f"{answer.unexplained} more pods wait"
    for each in answer.unmade:
        yield f"{each.owner} cannot make {each.count} of its pods:"
        for short in each.shortages:
            yield f"  {short}"


def _waiting(waiting: Waiting) -> Iterator[str]:
    pod, explanation = waiting.pod, waiting.explanation
    line = "not in line" if waiting.place is None else f"{waiting.place} in line"
    scheduler = pod.spec.scheduler_name
    priority = f"priority {pod.spec.priority}"
    yield f"pod {pod.key} waits for {duration(waiting.seconds)}: {line} for {scheduler}, {priority}"
    yield from _queue(waiting)
    if explanation.diagnosis is None:
        held = (
            f"{scheduler} says: {waiting.told}" if waiting.told else f"{scheduler} has not put it there. Does it run?"
        )
        yield f"  It fits on node {explanation.node} now; {held}"
        return
    yield f"  {explanation.message}"
    yield from _table(explanation.diagnosis)
    for taint, count in explanation.taints:
        yield f"  taint {taint} on {count} node{'s' if count > 1 else ''}"
    for sentence in explanation.impossible:
        yield f"  Impossible here: {sentence}."
    if waiting.eta is not None and not explanation.node:
        yield f"  Expected to start {waiting.eta}."
    if explanation.node:
        yield f"  Room is being made on node {explanation.node}."
    elif not explanation.remedies:
        yield "  No single change was found that would let it run."
    else:
        yield "  Each of these alone would let it run, the cheapest first:"
        for remedy in explanation.remedies:
            yield f"  {remedy.cost:5.1f}  {remedy}  -> {remedy.node}"


def _queue(waiting: Waiting) -> Iterator[str]:
    held = waiting.held
    if held is None:
        return
    yield "  " + "; ".join((f"queue {held.queue}: {held.why}", *held.borrowers))
    if held.helps:
        yield "  As far as its queue goes each of these alone would let it run:"
    for each in held.helps:
        yield f"         {each}"


def _table(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.refusals:
        yield f"  {'FILTER':<20}{'NODES':>6}{'ALONE':>7}  REASONS"
    for each in diagnosis.refusals:
        reasons = ", ".join(f"{count} {text}" for text, count in each.reasons)
        yield f"  {each.filter:<20}{each.n_nodes:>6}{each.n_alone:>7}  {reasons}"
