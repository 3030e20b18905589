"""What makes one feasible node better than another, with kube-scheduler's weights."""

from __future__ import annotations

from kubewright.placement.scores.claims import PreferredDevices
from kubewright.placement.scores.nodes import Cheapest, ImageLocality, PreferredNodes, SoftTaints
from kubewright.placement.scores.pods import PreferredPods, SoftSpread
from kubewright.placement.scores.protocol import Score
from kubewright.placement.scores.resources import Balanced, LeastAllocated, MostAllocated
from kubewright.placement.scores.volumes import FittingVolumes

__all__ = [
    "DEFAULT_SCORES",
    "Balanced",
    "Cheapest",
    "FittingVolumes",
    "ImageLocality",
    "LeastAllocated",
    "MostAllocated",
    "PreferredDevices",
    "PreferredNodes",
    "PreferredPods",
    "Score",
    "SoftSpread",
    "SoftTaints",
]

DEFAULT_SCORES: tuple[tuple[Score, int], ...] = (
    (SoftTaints(), 3),
    (PreferredNodes(), 2),
    (LeastAllocated(), 1),
    (FittingVolumes(), 1),
    (SoftSpread(), 2),
    (PreferredPods(), 2),
    (PreferredDevices(), 2),
    (Balanced(), 1),
    (ImageLocality(), 1),
)
