"""What makes one feasible node better than another, with kube-scheduler's weights."""

from __future__ import annotations

from kubewright.placement.scores.protocol import Score
from kubewright.placement.scores.resources import Balanced, LeastAllocated

__all__ = ["DEFAULT_SCORES", "Balanced", "LeastAllocated", "Score"]

DEFAULT_SCORES: tuple[tuple[Score, int], ...] = ((LeastAllocated(), 1), (Balanced(), 1))
