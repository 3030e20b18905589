"""Scores from how full nodes are: spread the load or pack it, and keep cpu and memory in step.

Each rounds down at each step as kube-scheduler does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.nodes import Amounts, Columns, NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.scores.protocol import MAX_SCORE
from kubewright.placement.snapshot import SCORED_ROWS, ClusterSnapshot

_HALF = MAX_SCORE // 2


class _ByLoad(ABC):
    """A score of each node by its own load."""

    __slots__ = ()

    @abstractmethod
    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeScores:
        """Return some nodes' scores."""

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return all nodes' scores, whichever are feasible."""
        del nodes
        return self.some(pod, snapshot, slice(None))

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell that it always does."""
        del pod, snapshot
        return True


@dataclass(frozen=True, slots=True)
class LeastAllocated(_ByLoad):
    """The emptier the better: the mean over cpu and memory of the share left free (`leastResourceScorer`)."""

    name: str = "NodeResourcesFit"
    scope: Scope = Scope.PODS_OF_NODE

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeScores:
        """Return the mean free share in per cent."""
        capacity: Amounts = snapshot.table.allocatable[:SCORED_ROWS, columns]
        free = np.maximum(capacity - snapshot.scored[:, columns] - pod.shape.scored[:, None], 0)
        return _mean_share(free, capacity)

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Return one node's mean free share."""
        cpu, memory = _loads(pod, snapshot, column)
        return _mean(max(cpu[0] - cpu[1], 0), cpu[0], max(memory[0] - memory[1], 0), memory[0])


@dataclass(frozen=True, slots=True)
class MostAllocated(_ByLoad):
    """The fuller the better: the mean over cpu and memory of the share taken (`mostResourceScorer`)."""

    name: str = "MostAllocated"
    scope: Scope = Scope.PODS_OF_NODE

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeScores:
        """Return the mean share taken in per cent."""
        capacity: Amounts = snapshot.table.allocatable[:SCORED_ROWS, columns]
        return _mean_share(np.minimum(snapshot.scored[:, columns] + pod.shape.scored[:, None], capacity), capacity)

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Return one node's mean share taken."""
        cpu, memory = _loads(pod, snapshot, column)
        return _mean(min(cpu[1], cpu[0]), cpu[0], min(memory[1], memory[0]), memory[0])


def _mean_share(part: Amounts, capacity: Amounts) -> NodeScores:
    if capacity.all():
        shares = part * MAX_SCORE // capacity
        return (shares[0] + shares[1]) // SCORED_ROWS
    shares = part * MAX_SCORE // np.maximum(capacity, 1)
    return shares.sum(axis=0) // np.maximum(np.count_nonzero(capacity, axis=0), 1)


def _mean(cpu: int, cpu_capacity: int, memory: int, memory_capacity: int) -> int:
    if not (cpu_capacity and memory_capacity):
        return (cpu or memory) * MAX_SCORE // (cpu_capacity or memory_capacity or 1)
    return (cpu * MAX_SCORE // cpu_capacity + memory * MAX_SCORE // memory_capacity) // 2


def _loads(pod: PodRow, snapshot: ClusterSnapshot, column: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return capacity and what would be taken with the pod, of cpu and of memory."""
    capacity, taken = snapshot.table.allocatable.item, snapshot.scored.item
    cpu, memory = pod.shape.small
    return (capacity(0, column), taken(0, column) + cpu), (capacity(1, column), taken(1, column) + memory)


@dataclass(frozen=True, slots=True)
class Balanced(_ByLoad):
    """A node whose cpu and memory the pod brings closer together is better (`balancedResourceScorer`).

    A pod that requests neither is scored 0 everywhere.
    """

    name: str = "NodeResourcesBalancedAllocation"
    scope: Scope = Scope.PODS_OF_NODE

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod requests cpu or memory."""
        del snapshot
        return bool(pod.shape.request[0] or pod.shape.request[1])

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeScores:
        """Return 75 where nothing changes, up to 100 for better and down to 50 for worse."""
        request = pod.shape.request[:SCORED_ROWS, None]
        capacity: Amounts = snapshot.table.allocatable[:SCORED_ROWS, columns]
        taken: Amounts = snapshot.requested[:SCORED_ROWS, columns]
        if not request.any():
            return np.zeros(len(snapshot.table), np.int64)[columns]
        change = _balance(taken + request, capacity) - _balance(taken, capacity)
        # Go divides towards zero; the sum is never negative, so rounding down is the same.
        return _HALF + (_HALF + change) // 2

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Return the same of one node."""
        capacity, taken, request = snapshot.table.allocatable.item, snapshot.requested.item, pod.shape.request.item
        cpus, size = capacity(0, column), capacity(1, column)
        if not (cpus and size):
            return _HALF + _HALF // 2
        cpu, memory = taken(0, column), taken(1, column)
        before = _balance_of(cpu / cpus, memory / size)
        after = _balance_of((cpu + request(0)) / cpus, (memory + request(1)) / size)
        return _HALF + (_HALF + after - before) // 2


def _balance(taken: Amounts, capacity: Amounts) -> NodeScores:
    """Return 100 less the standard deviation of the two shares in per cent; a resource that is absent has no share."""
    both = capacity.all(axis=0)
    is_whole = bool(both.all())
    shares = np.minimum(taken / (capacity if is_whole else np.maximum(capacity, 1)), 1.0)
    deviation = np.abs(shares[0] - shares[1]) / 2
    if not is_whole:
        deviation[~both] = 0.0
    return ((1.0 - deviation) * MAX_SCORE).astype(np.int64)


def _balance_of(cpu: float, memory: float) -> int:
    return int((1.0 - abs(min(cpu, 1.0) - min(memory, 1.0)) / 2) * MAX_SCORE)
