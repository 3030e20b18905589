"""The cluster as columns: what its nodes offer, and what is taken.

The scheduler, preemption, what-if and the twin's binder keep one and `fork` it to try things. A fork copies whole
arrays or shares them until it writes, which at 5,000 nodes costs microseconds, and shares everything that placing a pod
cannot change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.placement.claims import NO_CLAIMS, DeviceClaims
from kubewright.placement.counts import CountRows
from kubewright.placement.nodes import Amounts, Counts, NodeMask, NodeTable, resized
from kubewright.placement.peers import NO_NAMESPACES, Group, Namespaces, Peers
from kubewright.placement.pods import HostPort, PodRow, Shapes
from kubewright.placement.sharded import Sharded
from kubewright.placement.storage import NO_STORAGE, Storage
from kubewright.placement.usage import Usage
from kubewright.placement.workloads import NO_WORKLOADS, Workloads

SCORED_ROWS = 2
"""cpu and memory, the first two rows, are what scores look at."""
REMEMBERED_CHANGES = 4096


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod that takes its node's resources, bound or only assumed."""

    row: PodRow
    column: int


class ClusterSnapshot:
    """Nodes and placed pods. Filters and scores read it; only `assume`, `forget` and `nominate` change it."""

    __slots__ = (
        "_changes",
        "_drivers",
        "_first_change",
        "_kinds",
        "_matching",
        "_my_kinds",
        "_placed",
        "_promised_by_priority",
        "_taken_by_priority",
        "claims",
        "derived",
        "held",
        "inherited",
        "nominated",
        "on_node",
        "port_holders",
        "requested",
        "scored",
        "shapes",
        "storage",
        "table",
        "usage",
        "workloads",
    )

    def __init__(
        self,
        table: NodeTable,
        storage: Storage = NO_STORAGE,
        workloads: Workloads = NO_WORKLOADS,
        namespaces: Namespaces = NO_NAMESPACES,
        *,
        claims: DeviceClaims = NO_CLAIMS,
    ) -> None:
        self.table = table
        self.claims = claims
        self.storage = storage
        self.workloads = workloads
        self.shapes = Shapes(table.rows, Peers(namespaces))
        self.requested: Amounts = np.zeros_like(table.allocatable)
        """Shape (n_resources, n_nodes): what the placed pods request."""
        self.scored: Amounts = np.zeros((SCORED_ROWS, len(table)), np.int64)
        """Shape (2, n_nodes): the same for scoring, where a pod that requests nothing counts as a small one."""
        self.held = CountRows[int](len(table))
        """By the number of a Term: how many pods of each node hold it."""
        self.on_node: list[tuple[Placed, ...]] = [()] * len(table)
        self.port_holders: dict[ObjectKey, Placed] = {}
        self.usage = Usage(len(table))
        self.nominated: dict[ObjectKey, Placed] = {}
        """Pods that wait for room on a node which preemption, or somebody else, has promised them."""
        self.derived: dict[Any, Any] = {}
        """What `classes` works out from this snapshot and brings up to date."""
        self.inherited: tuple[dict[Any, Any], int] = ({}, 0)
        """The same of the snapshot that this is a fork of, and the version at which it was forked."""
        self._placed: Sharded[ObjectKey, Placed] = Sharded()
        self._matching = CountRows[int](len(table))
        self._kinds: Sharded[int, dict[int, int]] = Sharded()
        self._my_kinds: set[int] = set()
        self._taken_by_priority: dict[int, Amounts] = {}
        self._promised_by_priority: dict[int, Amounts] = {}
        self._drivers: dict[str, tuple[NodeMask, NDArray[np.int64]]] = {}
        self._changes: list[int] = []
        self._first_change = 0

    @classmethod
    def of(
        cls,
        nodes: Iterable[Node],
        pods: Iterable[Pod] = (),
        storage: Storage = NO_STORAGE,
        workloads: Workloads = NO_WORKLOADS,
        namespaces: Namespaces = NO_NAMESPACES,
        *,
        claims: DeviceClaims = NO_CLAIMS,
    ) -> ClusterSnapshot:
        """Take a snapshot; pods that are finished or on none of these nodes take nothing, nominated ones a promise."""
        snapshot = cls(NodeTable.of(nodes), storage, workloads, namespaces, claims=claims)
        for pod in pods:
            if pod.is_finished:
                continue
            column = snapshot.table.columns.get(pod.spec.node_name)
            if column is not None:
                snapshot.assume(snapshot.row(pod), column)
            elif pod.status.nominated_node_name and not pod.spec.node_name:
                snapshot.nominate(snapshot.row(pod), pod.status.nominated_node_name)
        return snapshot

    def fork(self) -> ClusterSnapshot:
        """Return an independent copy."""
        copy: ClusterSnapshot = ClusterSnapshot.__new__(ClusterSnapshot)
        copy.table, copy.storage, copy.workloads, copy.shapes = self.table, self.storage, self.workloads, self.shapes
        copy.claims = self.claims.fork()
        copy.requested, copy.scored = self.requested.copy(), self.scored.copy()
        copy.held, copy._matching = self.held.copy(), self._matching.copy()
        copy.on_node, copy.port_holders = self.on_node.copy(), self.port_holders.copy()
        copy.usage, copy.nominated = self.usage.copy(), self.nominated.copy()
        copy._placed = self._placed.copy()
        copy._kinds, copy._my_kinds = self._kinds.copy(), set()
        self._my_kinds.clear()
        copy._taken_by_priority = {priority: taken.copy() for priority, taken in self._taken_by_priority.items()}
        copy._promised_by_priority = {each: taken.copy() for each, taken in self._promised_by_priority.items()}
        copy._drivers = self._drivers
        copy.derived, copy.inherited = {}, (self.derived, self.version)
        copy._changes, copy._first_change = self._changes.copy(), self._first_change
        return copy

    def row(self, pod: Pod) -> PodRow:
        """Return the pod as filters, scores and `assume` take it."""
        return self.shapes.row(pod, self.workloads.selector_for(pod))

    def assume(self, row: PodRow, column: int) -> None:
        """Book a pod on a node, moving it there if it is booked elsewhere; a promise to it is kept thereby."""
        key = row.key
        self.forget(key)
        placed = Placed(row, column)
        self._placed.put(key, placed)
        self.on_node[column] += (placed,)
        self._count(row, column, 1)
        if row.shape.host_ports:
            self.port_holders[key] = placed
        if row.pod.spec.resource_claims:
            self.claims.book(row.pod, self.table.nodes[column])

    def book(self, pod: Pod) -> None:
        """Take over a binding as the cluster shows it, whoever made it; what is booked so already is left alone."""
        column = self.table.columns.get(pod.spec.node_name)
        if column is None:
            self.forget(pod.key)
            return
        row, placed = self.row(pod), self.placed.get(pod.key)
        if placed is None or placed.column != column:
            self.assume(row, column)
        elif placed.row.shape is not row.shape:
            if _takes_the_same(placed.row, row):
                self._restate(placed, row)
            else:
                self.assume(row, column)

    def forget(self, key: ObjectKey) -> bool:
        """Give back what a pod takes, and what it was promised; return whether it had either."""
        promised = self.break_promise(key)
        placed = self._placed.pop(key)
        if placed is None:
            return promised
        column = placed.column
        self.on_node[column] = tuple(each for each in self.on_node[column] if each is not placed)
        self._count(placed.row, column, -1)
        self.port_holders.pop(key, None)
        if placed.row.pod.spec.resource_claims:
            self.claims.give_back(placed.row.pod)
        return True

    def nominate(self, row: PodRow, node: str) -> None:
        """Promise a pod room on a node: pods of lower priority leave it free; nodes that are not there promise none."""
        column = self.table.columns.get(node)
        if column is not None and row.key not in self._placed:
            self.break_promise(row.key)
            self.nominated[row.key] = Placed(row, column)
            self._count_promise(row, column, 1)

    def break_promise(self, key: ObjectKey) -> bool:
        """Promise a pod nothing; return whether it had been promised anything."""
        promised = self.nominated.pop(key, None)
        if promised is not None:
            self._count_promise(promised.row, promised.column, -1)
        return promised is not None

    def promised_column(self, pod: Pod) -> int:
        """Return the column of the node that a pod was promised, as is known here or as it says itself; -1 if none."""
        promised = self.nominated.get(pod.key)
        return promised.column if promised is not None else self.table.columns.get(pod.status.nominated_node_name, -1)

    def ahead_of(self, row: PodRow) -> dict[int, list[PodRow]]:
        """Return by column the other pods to which it was promised, and which the pod must give way to."""
        by_column: dict[int, list[PodRow]] = {}
        for key, promised in self.nominated.items():
            if key != row.key and promised.row.priority >= row.priority:
                by_column.setdefault(promised.column, []).append(promised.row)
        return by_column

    def promised_ahead_of(self, row: PodRow) -> Amounts:
        """Return what is promised to those; shape (n_resources, n_nodes)."""
        total = np.zeros_like(self.requested)
        for priority, taken in self._promised_by_priority.items():
            if priority >= row.priority:
                total += taken
        own = self.nominated.get(row.key)
        if own is not None and own.row.priority >= row.priority:
            for resource, amount in own.row.shape.wanted:
                total[resource, own.column] -= amount
        return total

    def keeping_promises(self, row: PodRow) -> ClusterSnapshot:
        """Return a fork that has taken what is promised to those, by its amounts alone."""
        fork = self.fork()
        fork.requested += self.promised_ahead_of(row)
        return fork

    def follow_nodes(self, table: NodeTable) -> None:
        """Go over to a table with the same rows of resources: pods stay on the nodes that stay, and go with the others.

        Forks that were taken before keep the nodes that they know.
        """
        promised = [(each.row, self.table.nodes[each.column].metadata.name) for each in self.nominated.values()]
        moved = [
            (placed.row, table.columns.get(node.metadata.name))
            for column, node in enumerate(self.table.nodes)
            if table.columns.get(node.metadata.name) != column
            for placed in self.on_node[column]
        ]
        for row, _ in moved:
            self.forget(row.key)
        self._resize(len(table))
        self.table, self.nominated, self._promised_by_priority = table, {}, {}
        self.derived, self.inherited, self._drivers = {}, ({}, 0), {}
        self._first_change, self._changes = self.version + 1, []
        for row, column in moved:
            if column is not None:
                self.assume(row, column)
        for row, node in promised:
            self.nominate(row, node)

    def _resize(self, n_nodes: int) -> None:
        """Have so many columns; those that are cut off hold no pods."""
        self.requested, self.scored = resized(self.requested, n_nodes), resized(self.scored, n_nodes)
        self._taken_by_priority = {each: resized(taken, n_nodes) for each, taken in self._taken_by_priority.items()}
        for counts in (self.held, self._matching, self.usage):
            counts.resize(n_nodes)
        self.on_node = [*self.on_node[:n_nodes], *[()] * (n_nodes - len(self.on_node))]

    @property
    def placed(self) -> Mapping[ObjectKey, Placed]:
        """Return the pods that take resources."""
        return self._placed

    @property
    def version(self) -> int:
        """Return how often a pod came or went."""
        return self._first_change + len(self._changes)

    def changed_since(self, version: int) -> list[int] | None:
        """Return the columns that pods came to or went from after `version`; None if that is too long ago."""
        if version < self._first_change:
            return None
        return self._changes[version - self._first_change :]

    def attachable(self, driver: str) -> tuple[NodeMask, NDArray[np.int64]]:
        """Return where a CSI driver runs, and how many volumes it attaches there; shapes (n_nodes,), remembered.

        Whoever keeps the snapshot says when CSINodes changed.
        """
        found = self._drivers.get(driver)
        if found is None:
            has, limits = self.table.none(), np.full(len(self.table), np.iinfo(np.int64).max)
            for node in self.storage.csi_nodes.values():
                column = self.table.columns.get(node.metadata.name)
                own = next((each for each in node.spec.drivers or () if each.name == driver), None)
                if column is not None and own is not None:
                    has[column] = True
                    if own.allocatable is not None and own.allocatable.count is not None:
                        limits[column] = own.allocatable.count
            found = self._drivers[driver] = (has, limits)
        return found

    def csi_nodes_changed(self) -> None:
        """Ask the CSINodes anew what they attach."""
        self._drivers.clear()

    def host_ports(self) -> Iterable[tuple[int, HostPort]]:
        """Yield the host ports that are taken, each with its node's column."""
        for placed in self.port_holders.values():
            for port in placed.row.shape.host_ports:
                yield placed.column, port

    def matching(self, group: Group) -> Counts:
        """Return how many pods of the group are on each node; shape (n_nodes,), not to be changed."""
        counts = self._matching.get(group.number)
        if counts is None:
            counts = np.zeros(len(self.table), np.int32)
            for kind in group.kinds:
                for column, n_pods in (self._kinds.get(kind.number) or {}).items():
                    counts[column] += n_pods
            self._matching.put(group.number, counts)
        return counts

    def taken_below(self, priority: int) -> Amounts:
        """Return what pods of lower priority take; shape (n_resources, n_nodes)."""
        total = np.zeros_like(self.requested)
        for each, taken in self._taken_by_priority.items():
            if each < priority:
                total += taken
        return total

    def _restate(self, placed: Placed, row: PodRow) -> None:
        """Let a pod be of another kind where it is; API servers add the node's topology to its labels as it is bound.

        How nodes stand by the pods that they have does not change by that.
        """
        column = placed.column
        self._count_kin(placed.row, column, -1)
        self._count_kin(row, column, 1)
        now = Placed(row, column)
        self._placed.put(row.key, now)
        self.on_node[column] = tuple(now if each is placed else each for each in self.on_node[column])
        if row.shape.host_ports:
            self.port_holders[row.key] = now

    def _count(self, row: PodRow, column: int, change: int) -> None:
        self._book(row, column, change)
        self._count_kin(row, column, change)
        if row.pod.spec.volumes:
            self._use(row.pod, column, change)
        self._changes.append(column)
        if len(self._changes) > REMEMBERED_CHANGES:
            del self._changes[: REMEMBERED_CHANGES // 2]
            self._first_change += REMEMBERED_CHANGES // 2

    def _count_kin(self, row: PodRow, column: int, change: int) -> None:
        """Count a pod in or out among those that selectors mean."""
        shape = row.shape
        for term in shape.held:
            self.held.add(term.number, column, change)
        for group in shape.kind.groups:
            if self._matching.get(group.number) is not None:
                self._matching.add(group.number, column, change)
        self._count_kind(shape.kind.number, column, change)

    def _use(self, pod: Pod, column: int, change: int) -> None:
        if change > 0:
            self.usage.take(pod, column, self.storage)
        else:
            self.usage.give_back(pod, column)

    def _count_kind(self, number: int, column: int, change: int) -> None:
        at = self._kinds.get(number)
        if at is None or number not in self._my_kinds:
            at = {} if at is None else at.copy()
            self._kinds.put(number, at)
            self._my_kinds.add(number)
        left = at.get(column, 0) + change
        if left:
            at[column] = left
        else:
            del at[column]

    def _book(self, row: PodRow, column: int, sign: int) -> None:
        """Row by row: for the few that a pod wants that is faster than adding whole columns."""
        requested, scored = self.requested, self.scored
        by_priority = _of_priority(row.priority, self._taken_by_priority, requested)
        for resource, amount in row.shape.wanted:
            requested[resource, column] += sign * amount
            by_priority[resource, column] += sign * amount
        cpu, memory = row.shape.small
        scored[0, column] += sign * cpu
        scored[1, column] += sign * memory

    def _count_promise(self, row: PodRow, column: int, sign: int) -> None:
        promised = _of_priority(row.priority, self._promised_by_priority, self.requested)
        for resource, amount in row.shape.wanted:
            promised[resource, column] += sign * amount


def _of_priority(priority: int, taken: dict[int, Amounts], like: Amounts) -> Amounts:
    found = taken.get(priority)
    if found is None:
        found = taken[priority] = np.zeros_like(like)
    return found


def _takes_the_same(one: PodRow, other: PodRow) -> bool:
    """Tell whether two states of a pod differ in nothing but how other pods see it."""
    metadata, another = one.pod.metadata, other.pod.metadata
    same_pod = metadata.uid == another.uid and metadata.annotations == another.annotations
    return same_pod and one.priority == other.priority and one.shape.bearing == other.shape.bearing
