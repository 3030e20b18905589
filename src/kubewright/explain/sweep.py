"""What becomes of a cluster's pods if its scheduler had its way: all that wait are placed, others give way. Pure.

The rules are the live scheduler's, in one sweep without time: by priority and age; a pod that fits nowhere evicts those
that it may; who is evicted is made again if something makes it, and tried in turn. Pods that controllers lack are made
as far as quotas let them.
"""

from __future__ import annotations

from collections.abc import Iterable
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
class Swept:
    """Where everything is in the end."""

    snapshot: ClusterSnapshot
    given: set[ObjectKey] = field(default_factory=set[ObjectKey])
    """Pods that were given a node."""
    waiting: dict[ObjectKey, str] = field(default_factory=dict[ObjectKey, str])
    """Why, in kube-scheduler's words."""
    evicted: dict[ObjectKey, ObjectKey] = field(default_factory=dict[ObjectKey, ObjectKey])
    """By whom."""
    unmade: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """By namespace and controller, how many pods no quota has room for."""
    untried: int = 0
    """How many pods that controllers lack were not made, since `MADE_AT_MOST` were."""

    def node_of(self, key: ObjectKey) -> str:
        """Return a pod's node; nothing if it has none."""
        placed = self.snapshot.placed.get(key)
        return "" if placed is None else self.snapshot.table.nodes[placed.column].metadata.name

    def nodes(self) -> dict[ObjectKey, str]:
        """Return the node of each pod that has one."""
        return {key: self.node_of(key) for key in self.snapshot.placed}


def sweep(cluster: Cluster, policy: Policy = SPREAD) -> Swept:
    """Place all that waits, as far as it goes."""
    swept = Swept(cluster.snapshot())
    made = _made(cluster, swept)
    gated = [pod for pod in cluster.pods if waits(pod) and pod.spec.scheduling_gates]
    for pod in gated:
        swept.waiting[pod.key] = f"{fit(pod, swept.snapshot, 0, policy)}"
    line = [pod for pod in cluster.pods if waits(pod) and not pod.spec.scheduling_gates]
    _place((*line, *made), swept, cluster, policy)
    return swept


def _place(pods: Iterable[Pod], swept: Swept, cluster: Cluster, policy: Policy) -> None:
    queue = [(rank(pod), number, pod) for number, pod in enumerate(pods)]
    heapify(queue)
    tries: dict[ObjectKey, int] = {}
    number = len(queue)
    while queue:
        _, _, pod = heappop(queue)
        tries[pod.key] = tries.get(pod.key, 0) + 1
        for victim in _decide(pod, swept, cluster, policy):
            swept.evicted[victim.key] = pod.key
            again = made_again(victim)
            if again is not None and tries.get(victim.key, 0) < TRIES:
                number += 1
                heappush(queue, (rank(again), number, again))


def _decide(pod: Pod, swept: Swept, cluster: Cluster, policy: Policy) -> tuple[Pod, ...]:
    """Place one pod, or note why it waits; return who had to go for it."""
    snapshot = swept.snapshot
    swept.waiting.pop(pod.key, None)
    found = fit(pod, snapshot, 0, policy)
    if isinstance(found, Fit):
        swept.given.add(pod.key)
        snapshot.assume(found.row, found.column)
        return ()
    if not found.problem and len(snapshot.table):
        room = preempt(pod, snapshot, 0, cluster.budgets, policy)
        if isinstance(room, Preemption):
            for victim in room.victims:
                snapshot.forget(victim.key)
            swept.given.add(pod.key)
            snapshot.assume(room.row, room.column)
            return room.victims
    swept.waiting[pod.key] = f"{found}"
    return ()


def _made(cluster: Cluster, swept: Swept) -> list[Pod]:
    """Make the pods that controllers lack, each charged to its quotas; note those that have no room there."""
    quotas: dict[str, list[ResourceQuota]] = {}
    for quota in cluster.quotas:
        quotas.setdefault(quota.metadata.namespace, []).append(quota)
    made: list[Pod] = []
    for lack in missing(cluster):
        namespace = lack.pod.metadata.namespace
        for number in range(1, lack.count + 1):
            left, own = lack.count - number + 1, quotas.get(namespace, [])
            name = f"{lack.owner.metadata.name}-new-{number}"
            pod = replace(lack.pod, metadata=replace(lack.pod.metadata, name=name, uid=f"{namespace}/{name}"))
            if next(iter(shortages(pod, own)), None) is not None:
                swept.unmade[namespace, str(lack)] = left
                break
            if len(made) == MADE_AT_MOST:
                swept.untried += left
                break
            quotas[namespace] = [charged(pod, each) for each in own]
            made.append(pod)
    return made
