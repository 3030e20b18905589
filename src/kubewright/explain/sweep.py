"""What becomes of a cluster's pods if its scheduler had its way: all that wait are placed, others give way. Pure.

The rules are the live scheduler's, in one sweep without time: by priority and age, teams' queues in turn; a pod that
fits nowhere evicts those that it may; who is evicted is made again if something makes it, and tried in turn. Pods that
controllers lack are made as far as quotas let them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quotas import ResourceQuota
from kubewright.explain.cluster import Cluster
from kubewright.explain.line import waits
from kubewright.explain.missing import missing
from kubewright.explain.modifications import made_again
from kubewright.explain.quotas import charged, shortages
from kubewright.explain.teams import Line, Teams
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit, find, fit
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
    _Sweep(swept, Teams(cluster), cluster, policy).place((*line, *made))
    return swept


@dataclass(slots=True)
class _Sweep:
    """One sweep through all that wait."""

    swept: Swept
    teams: Teams
    cluster: Cluster
    policy: Policy

    def place(self, pods: Iterable[Pod]) -> None:
        """Give each pod its turn, and those that had to go theirs."""
        line, tries = Line(self.teams), dict[ObjectKey, int]()
        for pod in pods:
            line.add(pod)
        while (pod := line.next()) is not None:
            tries[pod.key] = tries.get(pod.key, 0) + 1
            for victim in self._decide(pod):
                self.swept.evicted[victim.key] = pod.key
                again = made_again(victim)
                if again is not None and tries.get(victim.key, 0) < TRIES:
                    line.add(again)

    def _decide(self, pod: Pod) -> tuple[Pod, ...]:
        """Place one pod, or note why it waits; return who had to go for it."""
        self.swept.waiting.pop(pod.key, None)
        held, found = self.teams.held(pod), fit(pod, self.swept.snapshot, 0, self.policy)
        if held is None and isinstance(found, Fit):
            self._assume(pod, found)
            return ()
        victims = self._room(pod, found)
        for victim in victims:
            self.swept.snapshot.forget(victim.key)
            self.teams.gave_back(victim)
        room = find(pod, self.swept.snapshot, 0, self.policy) if victims else None
        if room is not None:
            self._assume(pod, room)
        else:
            self.swept.waiting[pod.key] = f"queue {held.queue}: {held.why}" if held is not None else f"{found}"
        return victims

    def _assume(self, pod: Pod, found: Fit) -> None:
        self.swept.given.add(pod.key)
        self.swept.snapshot.assume(found.row, found.column)
        self.teams.took(pod, found.node)

    def _room(self, pod: Pod, found: Fit | Diagnosis) -> tuple[Pod, ...]:
        """Return who has to go for a pod: of its tree of queues if it has one, else whom it outranks."""
        snapshot = self.swept.snapshot
        if isinstance(found, Diagnosis) and (found.problem or not len(snapshot.table)):
            return ()
        if self.teams.queue_of(pod):
            return self.teams.room(pod, snapshot, self.policy, is_back=pod.key in self.swept.evicted)
        room = preempt(pod, snapshot, 0, self.cluster.budgets, self.policy)
        return room.victims if isinstance(room, Preemption) else ()


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
