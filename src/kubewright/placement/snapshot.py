"""The cluster as columns: what its nodes offer, and what is taken.

The scheduler, preemption, what-if and the twin's binder keep one and `fork` it to try things: a fork copies whole
arrays, which at 5,000 nodes costs microseconds, and shares everything that placing a pod cannot change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.placement.nodes import Amounts, NodeTable
from kubewright.placement.pods import HostPort, PodRow
from kubewright.placement.storage import NO_STORAGE, Storage

SCORED_ROWS = 2
"""cpu and memory, the first two rows, are what scores look at."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod that takes its node's resources, bound or only assumed."""

    row: PodRow
    column: int


EMPTY_PLACED: Mapping[ObjectKey, Placed] = {}


class ClusterSnapshot:
    """Nodes and placed pods. Filters and scores read it; only `assume` and `forget` change it."""

    __slots__ = ("_placed", "_port_holders", "requested", "scored", "storage", "table")

    def __init__(
        self,
        table: NodeTable,
        placed: Mapping[ObjectKey, Placed] = EMPTY_PLACED,
        port_holders: Mapping[ObjectKey, Placed] = EMPTY_PLACED,
        storage: Storage = NO_STORAGE,
    ) -> None:
        self.table = table
        self.storage = storage
        self.requested: Amounts = np.zeros_like(table.allocatable)
        """Shape (n_resources, n_nodes): what the placed pods request."""
        self.scored: Amounts = np.zeros((SCORED_ROWS, len(table)), np.int64)
        """Shape (2, n_nodes): the same for scoring, where a pod that requests nothing counts as a small one."""
        self._placed = dict(placed)
        self._port_holders = dict(port_holders)

    @classmethod
    def of(cls, nodes: Iterable[Node], pods: Iterable[Pod] = (), storage: Storage = NO_STORAGE) -> ClusterSnapshot:
        """Take a snapshot; pods that are finished or on none of these nodes take nothing."""
        snapshot = cls(NodeTable.of(nodes), storage=storage)
        for pod in pods:
            column = snapshot.table.columns.get(pod.spec.node_name)
            if column is not None and not pod.is_finished:
                snapshot.assume(snapshot.row(pod), column)
        return snapshot

    def fork(self) -> ClusterSnapshot:
        """Return an independent copy."""
        copy = ClusterSnapshot(self.table, self._placed, self._port_holders, self.storage)
        copy.requested[:] = self.requested
        copy.scored[:] = self.scored
        return copy

    def row(self, pod: Pod) -> PodRow:
        """Return the pod as filters, scores and `assume` take it."""
        return PodRow.of(pod, self.table)

    def assume(self, row: PodRow, column: int) -> None:
        """Book a pod on a node, moving it there if it is booked elsewhere."""
        self.forget(row.key)
        self.requested[:, column] += row.request
        self.scored[:, column] += row.scored
        placed = self._placed[row.key] = Placed(row, column)
        if row.host_ports:
            self._port_holders[row.key] = placed

    def forget(self, key: ObjectKey) -> bool:
        """Give back what a pod takes; return whether it took anything."""
        placed = self._placed.pop(key, None)
        if placed is None:
            return False
        self.requested[:, placed.column] -= placed.row.request
        self.scored[:, placed.column] -= placed.row.scored
        self._port_holders.pop(key, None)
        return True

    @property
    def placed(self) -> Mapping[ObjectKey, Placed]:
        """Return the pods that take resources."""
        return self._placed

    def host_ports(self) -> Iterable[tuple[int, HostPort]]:
        """Yield the host ports that are taken, each with its node's column."""
        for placed in self._port_holders.values():
            for port in placed.row.host_ports:
                yield placed.column, port
