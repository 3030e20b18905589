"""What a node must pass, and what makes one better than another: the profiles that pods are placed by."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.placement.filters import DEFAULT_FILTERS, Filter
from kubewright.placement.filters.gpus import SharedGpus
from kubewright.placement.scores import (
    DEFAULT_SCORES,
    Balanced,
    Cheapest,
    ImageLocality,
    MostAllocated,
    PreferredDevices,
    PreferredNodes,
    PreferredPods,
    Score,
    SoftSpread,
    SoftTaints,
)
from kubewright.placement.scores.gpus import FINENESS, LeastFragmented

Scores = tuple[tuple[Score, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Filters, and scores with their weights."""

    filters: tuple[Filter, ...] = DEFAULT_FILTERS
    scores: Scores = DEFAULT_SCORES


SPREAD = Policy()
"""kube-scheduler's default profile: what is empty first."""

_WISHES: Scores = (
    (SoftTaints(), 3),
    (PreferredNodes(), 2),
    (SoftSpread(), 2),
    (PreferredPods(), 2),
    (PreferredDevices(), 2),
)
"""What pods and nodes ask for goes before what the cluster would rather have: each alone outweighs neither."""

PACK = Policy(scores=(*_WISHES, (MostAllocated(), 3), (Balanced(), 1), (ImageLocality(), 1)))
"""What is full first, so that whole nodes stay free for large pods, or can be given back."""

COST = Policy(scores=(*_WISHES, (Cheapest(), 3), (MostAllocated(), 2), (Balanced(), 1), (ImageLocality(), 1)))
"""What is cheap first, and of equally cheap nodes the fullest."""


GPU = Policy(
    filters=(*DEFAULT_FILTERS, SharedGpus()),
    scores=(
        *((score, weight * FINENESS) for score, weight in _WISHES),
        (LeastFragmented(), 3),
        (MostAllocated(), 1),
        (ImageLocality(), 1),
    ),
)
"""What leaves the most to pods with GPUs that are yet to come; what is equal in that, by fullness."""
