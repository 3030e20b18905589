"""Scores from how full nodes are: spread the load, and keep cpu and memory in step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.placement.nodes import Amounts, NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.scores.protocol import MAX_SCORE
from kubewright.placement.snapshot import SCORED_ROWS, ClusterSnapshot

_HALF = MAX_SCORE // 2


@dataclass(frozen=True, slots=True)
class LeastAllocated:
    """The emptier the better: the mean over cpu and memory of the share left free (`leastResourceScorer`)."""

    name: str = "NodeResourcesFit"

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NDArray[np.int64]:
        """Return the mean free share in per cent, rounded down at each step as kube-scheduler does."""
        del nodes
        capacity = snapshot.table.allocatable[:SCORED_ROWS]
        free = np.maximum(capacity - snapshot.scored - pod.scored[:, None], 0)
        shares = free * MAX_SCORE // np.maximum(capacity, 1)
        return shares.sum(axis=0) // np.maximum(np.count_nonzero(capacity, axis=0), 1)


@dataclass(frozen=True, slots=True)
class Balanced:
    """A node whose cpu and memory the pod brings closer together is better (`balancedResourceScorer`).

    A pod that requests neither is scored 0 everywhere.
    """

    name: str = "NodeResourcesBalancedAllocation"

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NDArray[np.int64]:
        """Return 75 where nothing changes, up to 100 for better and down to 50 for worse."""
        del nodes
        request = pod.request[:SCORED_ROWS, None]
        if not request.any():
            return np.zeros(len(snapshot.table), np.int64)
        capacity = snapshot.table.allocatable[:SCORED_ROWS]
        taken = snapshot.requested[:SCORED_ROWS]
        change = _balance(taken + request, capacity) - _balance(taken, capacity)
        # Go divides towards zero; the sum is never negative, so rounding down is the same.
        return _HALF + (_HALF + change) // 2


def _balance(taken: Amounts, capacity: Amounts) -> NDArray[np.int64]:
    """Return 100 less the standard deviation of the two shares in per cent; a resource that is absent has no share."""
    shares = np.minimum(taken / np.maximum(capacity, 1), 1.0)
    both = np.all(capacity > 0, axis=0)
    deviation = np.where(both, np.abs(shares[0] - shares[1]) / 2, 0.0)
    return ((1.0 - deviation) * MAX_SCORE).astype(np.int64)
