"""What becomes of a cluster's pods if its scheduler had its way: all that wait are placed, others give way. Pure.

The rules are the live scheduler's, in one sweep without time: by priority and age; a pod that fits nowhere evicts those
that it may; who is evicted is made again if something makes it, and tried in turn. Pods that controllers lack are made
as far as quotas let them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from msgspec.structs import replace

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quotas import ResourceQuota
from kubewright.explain.cluster import Cluster
from kubewright.explain.line import rank, waits
from kubewright.explain.missing import missing
from kubewright.explain.modifications import made_again
from kubewright.explain.quotas import charged, shortages
from kubewright.placement.fit import Fit, fit
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.preempt import Preemption, preempt
from kubewright.placement.snapshot import ClusterSnapshot

MADE_AT_MOST = 10_000
"""So many pods are made of what controllers lack."""
TRIES = 3
"""So often a pod is tried that is evicted again and again."""


@dataclass(slots=True)
class Outcome:
    """Where everything is in the end."""

    snapshot: ClusterSnapshot
    given: set[ObjectKey] = field(default_factory=set[ObjectKey])
    """Pods that were given a node."""
    waiting: dict[ObjectKey, str] = field(default_factory=dict[ObjectKey, str])
    """Why, in kube-scheduler's words."""
    evicted: dict[ObjectKey, ObjectKey] = field(default_factory=dict[ObjectKey, ObjectKey])
    """By whom."""
    unmade: dict[str, int] = field(default_factory=dict[str, int])
    """By controller, how many pods no quota has room for."""

    def node_of(self, key: ObjectKey) -> str:
        """Return a pod's node; nothing if it has none."""
        placed = self.snapshot.placed.get(key)
        return "" if placed is None else self.snapshot.table.nodes[placed.column].metadata.name

    def nodes(self) -> dict[ObjectKey, str]:
        """Return the node of each pod that has one."""
        return {key: self.node_of(key) for key in self.snapshot.placed}


def rehearse(cluster: Cluster, policy: Policy = SPREAD) -> Outcome:
    """Place all that waits, as far as it goes."""
    outcome = Outcome(cluster.snapshot())
    made, outcome.unmade = _made(cluster)
    gated = [pod for pod in cluster.pods if waits(pod) and pod.spec.scheduling_gates]
    for pod in gated:
        outcome.waiting[pod.key] = f"{fit(pod, outcome.snapshot, 0, policy)}"
    line = [pod for pod in cluster.pods if waits(pod) and not pod.spec.scheduling_gates]
    _place((*line, *made), outcome, cluster, policy)
    return outcome


def _place(pods: Iterable[Pod], outcome: Outcome, cluster: Cluster, policy: Policy) -> None:
    queue = [(rank(pod), number, pod) for number, pod in enumerate(pods)]
    heapify(queue)
    tries: dict[ObjectKey, int] = {}
    number = len(queue)
    while queue:
        _, _, pod = heappop(queue)
        tries[pod.key] = tries.get(pod.key, 0) + 1
        for victim in _decide(pod, outcome, cluster, policy):
            outcome.evicted[victim.key] = pod.key
            again = made_again(victim)
            if again is not None and tries.get(victim.key, 0) < TRIES:
                number += 1
                heappush(queue, (rank(again), number, again))


def _decide(pod: Pod, outcome: Outcome, cluster: Cluster, policy: Policy) -> tuple[Pod, ...]:
    """Place one pod, or note why it waits; return who had to go for it."""
    snapshot = outcome.snapshot
    outcome.waiting.pop(pod.key, None)
    found = fit(pod, snapshot, 0, policy)
    if isinstance(found, Fit):
        outcome.given.add(pod.key)
        snapshot.assume(found.row, found.column)
        return ()
    if not found.problem and len(snapshot.table):
        room = preempt(pod, snapshot, 0, cluster.budgets, policy)
        if isinstance(room, Preemption):
            for victim in room.victims:
                snapshot.forget(victim.key)
            outcome.given.add(pod.key)
            snapshot.assume(room.row, room.column)
            return room.victims
    outcome.waiting[pod.key] = f"{found}"
    return ()


def _made(cluster: Cluster) -> tuple[list[Pod], dict[str, int]]:
    """Make the pods that controllers lack, each charged to its quotas; count those that have no room there."""
    quotas: Mapping[ObjectKey, ResourceQuota] = {each.key: each for each in cluster.quotas}
    made: list[Pod] = []
    unmade: dict[str, int] = {}
    for lack in missing(cluster):
        for number in range(1, min(lack.count, MADE_AT_MOST - len(made)) + 1):
            name = f"{lack.owner.metadata.name}-new-{number}"
            metadata = replace(lack.pod.metadata, name=name, uid=f"{lack.pod.metadata.namespace}/{name}")
            pod = replace(lack.pod, metadata=metadata)
            if next(iter(shortages(pod, quotas.values())), None) is not None:
                unmade[str(lack)] = lack.count - number + 1
                break
            quotas = dict(_charged(pod, quotas))
            made.append(pod)
    return made, unmade


def _charged(pod: Pod, quotas: Mapping[ObjectKey, ResourceQuota]) -> Iterator[tuple[ObjectKey, ResourceQuota]]:
    for key, quota in quotas.items():
        yield key, charged(pod, quota) if quota.metadata.namespace == pod.metadata.namespace else quota
