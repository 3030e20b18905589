"""Scores from how full nodes are: spread the load or pack it, and keep cpu and memory in step.

Each rounds down at each step as kube-scheduler does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.nodes import Amounts, NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.scores.protocol import MAX_SCORE
from kubewright.placement.snapshot import SCORED_ROWS, ClusterSnapshot

_HALF = MAX_SCORE // 2


@dataclass(frozen=True, slots=True)
class LeastAllocated:
    """The emptier the better: the mean over cpu and memory of the share left free (`leastResourceScorer`)."""

    name: str = "NodeResourcesFit"
    scope: Scope = Scope.PODS_OF_NODE

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell that it always does."""
        del pod, snapshot
        return True

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return the mean free share in per cent."""
        del nodes
        capacity = snapshot.table.allocatable[:SCORED_ROWS]
        free = np.maximum(capacity - snapshot.scored - pod.shape.scored[:, None], 0)
        return _mean_share(free, capacity)

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Return one node's mean free share."""
        total = counted = 0
        for capacity, taken, wanted in _loads(pod, snapshot, column):
            if capacity:
                total += max(capacity - taken - wanted, 0) * MAX_SCORE // capacity
                counted += 1
        return total // counted if counted else 0


@dataclass(frozen=True, slots=True)
class MostAllocated:
    """The fuller the better: the mean over cpu and memory of the share taken (`mostResourceScorer`)."""

    name: str = "MostAllocated"
    scope: Scope = Scope.PODS_OF_NODE

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell that it always does."""
        del pod, snapshot
        return True

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return the mean share taken in per cent."""
        del nodes
        capacity = snapshot.table.allocatable[:SCORED_ROWS]
        return _mean_share(np.minimum(snapshot.scored + pod.shape.scored[:, None], capacity), capacity)

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Return one node's mean share taken."""
        total = counted = 0
        for capacity, taken, wanted in _loads(pod, snapshot, column):
            if capacity:
                total += min(taken + wanted, capacity) * MAX_SCORE // capacity
                counted += 1
        return total // counted if counted else 0


def _mean_share(part: Amounts, capacity: Amounts) -> NodeScores:
    shares = part * MAX_SCORE // np.maximum(capacity, 1)
    return shares.sum(axis=0) // np.maximum(np.count_nonzero(capacity, axis=0), 1)


def _loads(pod: PodRow, snapshot: ClusterSnapshot, column: int) -> list[tuple[int, int, int]]:
    """Return capacity, what is taken and what the pod adds, of cpu and of memory."""
    capacity, taken, wanted = snapshot.table.allocatable, snapshot.scored, pod.shape.scored
    return [(int(capacity[row, column]), int(taken[row, column]), int(wanted[row])) for row in range(SCORED_ROWS)]


@dataclass(frozen=True, slots=True)
class Balanced:
    """A node whose cpu and memory the pod brings closer together is better (`balancedResourceScorer`).

    A pod that requests neither is scored 0 everywhere.
    """

    name: str = "NodeResourcesBalancedAllocation"
    scope: Scope = Scope.PODS_OF_NODE

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod requests cpu or memory."""
        del snapshot
        return bool(pod.shape.request[0] or pod.shape.request[1])

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 75 where nothing changes, up to 100 for better and down to 50 for worse."""
        del nodes
        request = pod.shape.request[:SCORED_ROWS, None]
        if not request.any():
            return np.zeros(len(snapshot.table), np.int64)
        capacity = snapshot.table.allocatable[:SCORED_ROWS]
        taken = snapshot.requested[:SCORED_ROWS]
        change = _balance(taken + request, capacity) - _balance(taken, capacity)
        # Go divides towards zero; the sum is never negative, so rounding down is the same.
        return _HALF + (_HALF + change) // 2

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Return the same of one node."""
        capacity, taken, request = snapshot.table.allocatable, snapshot.requested, pod.shape.request
        cpus, bytes_ = int(capacity[0, column]), int(capacity[1, column])
        if not (cpus and bytes_):
            return _HALF + _HALF // 2
        cpu, memory = int(taken[0, column]), int(taken[1, column])
        before = _balance_of(cpu / cpus, memory / bytes_)
        after = _balance_of((cpu + int(request[0])) / cpus, (memory + int(request[1])) / bytes_)
        return _HALF + (_HALF + after - before) // 2


def _balance(taken: Amounts, capacity: Amounts) -> NodeScores:
    """Return 100 less the standard deviation of the two shares in per cent; a resource that is absent has no share."""
    shares = np.minimum(taken / np.maximum(capacity, 1), 1.0)
    both = np.all(capacity > 0, axis=0)
    deviation = np.where(both, np.abs(shares[0] - shares[1]) / 2, 0.0)
    return ((1.0 - deviation) * MAX_SCORE).astype(np.int64)


def _balance_of(cpu: float, memory: float) -> int:
    return int((1.0 - abs(min(cpu, 1.0) - min(memory, 1.0)) / 2) * MAX_SCORE)
