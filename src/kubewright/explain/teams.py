"""Teams' queues of a cluster that was read: whose quota a pod takes, what is left, and what would help. Pure.

`answers` tells of it, and `sweep` keeps its ledger by it. Whom a queue may push aside `queues.reclaim` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf

from kubewright.api.core import Pod
from kubewright.api.crds.queue import QUEUE_LABEL
from kubewright.api.meta import ObjectKey
from kubewright.explain.cluster import Cluster
from kubewright.explain.line import rank
from kubewright.placement.fit import find
from kubewright.placement.policy import Policy
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.queues.charges import charges
from kubewright.queues.helps import borrowers, helps
from kubewright.queues.reclaim import Claim, pods_of, reclaim
from kubewright.queues.rules import read_queues
from kubewright.queues.tree import QuotaTree
from kubewright.queues.turns import History, Turns
from kubewright.queues.units import Holder, units_of

NOBODY = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A pod that its queue has no quota for."""

    queue: str
    why: str
    borrowers: tuple[str, ...] = ()
    """Who has what is others', in words."""
    helps: tuple[str, ...] = ()
    """What would let it run as far as the queue goes."""


class Teams:
    """The queues with what is used of them, as pods come and go."""

    def __init__(self, cluster: Cluster) -> None:
        rules, _ = read_queues(cluster.queues)
        self.tree = QuotaTree(rules)
        self._queues = {each.metadata.name: each.metadata.labels.get(QUEUE_LABEL, "") for each in cluster.namespaces}
        self._nodes = {each.metadata.name: each for each in cluster.nodes}
        self._charged: dict[ObjectKey, tuple[str, Mapping[str, int]]] = {}
        for pod in cluster.pods:
            if pod.spec.node_name and not pod.is_finished:
                self.took(pod, pod.spec.node_name)

    def queue_of(self, pod: Pod) -> str:
        """Return the queue that a pod belongs to; nothing without one, or where there are no queues."""
        return self._queues.get(pod.metadata.namespace, "") if self.tree.all_rules else ""

    def took(self, pod: Pod, node: str) -> None:
        """Count a pod on a node."""
        queue = self.queue_of(pod)
        if queue in self.tree:
            amounts = charges(pod, self._nodes.get(node))
            self._charged[pod.key] = queue, amounts
            self.tree.charge(queue, amounts)

    def gave_back(self, pod: Pod) -> None:
        """Count a pod no longer."""
        queue, amounts = self._charged.pop(pod.key, ("", {}))
        if queue:
            self.tree.charge(queue, amounts, -1)

    def held(self, pod: Pod) -> Held | None:
        """Return what a pod's queue lacks for it; None if nothing."""
        queue = self.queue_of(pod)
        if not queue:
            return None
        if queue not in self.tree:
            return Held(queue, "there is no such queue")
        amounts = charges(pod)
        short = self.tree.short(queue, amounts)
        if not short:
            return None
        found = helps(self.tree, queue, amounts)
        return Held(queue, ", ".join(map(str, short)), borrowers(self.tree, queue, short), found)

    def room(self, pod: Pod, snapshot: ClusterSnapshot, policy: Policy, *, is_back: bool) -> tuple[Pod, ...]:
        """Return who has to go so that the pod fits into its queue and onto a node; nobody if that cannot be."""
        queue = self.queue_of(pod)
        if queue not in self.tree:
            return NOBODY
        claim = Claim(queue, charges(pod), pod.spec.priority, is_back=is_back)
        root = self.tree.path(queue)[0]
        holders: list[Holder] = []
        for key, (other, amounts) in self._charged.items():
            placed = snapshot.placed.get(key)
            if placed is not None and self.tree.path(other)[0] == root and not placed.row.pod.is_terminating:
                name = snapshot.table.nodes[placed.column].metadata.name
                holders.append(Holder(key, name, other, amounts, placed.row.priority, 0.0))
        units = reclaim(claim, self.tree, units_of(holders, {}), _Nodes(pod, snapshot, policy), inf)
        return tuple(snapshot.placed[each.key].row.pod for each in pods_of(units or ()))


class Line:
    """Who waits, in the order of the live scheduler: within a queue by priority and age, and queues by their shares."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams
        self._turns = Turns(teams.tree, History())
        self._lanes: dict[str, list[tuple[tuple[int, str, str, str], int, Pod]]] = {}
        self._number = 0

    def add(self, pod: Pod) -> None:
        """Let a pod wait."""
        queue = self._teams.queue_of(pod)
        self._number += 1
        heappush(self._lanes.setdefault(queue if queue in self._teams.tree else "", []), (rank(pod), self._number, pod))

    def next(self) -> Pod | None:
        """Take out whose turn it is; None if nobody waits."""
        lanes = {name: lane[0] for name, lane in self._lanes.items() if lane}
        best = min(
            (name for name in lanes if name),
            key=lambda each: (self._turns.turn(each, charges(lanes[each][2])), each),
            default="",
        )
        if best and "" in lanes:
            best = min("", best, key=lambda each: (lanes[each][0], each))
        return heappop(self._lanes[best])[2] if lanes else None


@dataclass(slots=True)
class _Nodes:
    """Where a pod would be without some others."""

    pod: Pod
    snapshot: ClusterSnapshot
    policy: Policy

    def nodes_for(self, without: frozenset[ObjectKey]) -> frozenset[str] | None:
        """Return its node; None if it would have none."""
        fork = self.snapshot.fork()
        for key in without:
            fork.forget(key)
        found = find(self.pod, fork, 0, self.policy)
        return None if found is None else frozenset({found.node})
