"""What a placement leaves of the GPUs for those who come after (`devices.packing`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.gpus import Gpus, has_gpus
from kubewright.placement.nodes import NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.scores.protocol import MAX_SCORE, Normalised
from kubewright.placement.snapshot import ClusterSnapshot

FINENESS = 10_000
"""Costs differ by little between most nodes, and rounding that away costs points of utilisation: so this score runs
to so many times 100, and a profile with it weighs the others so many times more."""
_HALF = MAX_SCORE * FINENESS // 2


@dataclass(frozen=True, slots=True)
class LeastFragmented(Normalised):
    """The less a placement takes from likely pods to come, the better."""

    name: str = "LeastFragmented"
    scope: Scope = Scope.PODS
    """Who comes is learned from the pods everywhere."""

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether there are GPUs; pods that want none matter, too, by the cpu that they take from GPUs."""
        del pod
        return has_gpus(snapshot)

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return all nodes' scores: half where nothing is lost, towards 0 the more is, towards the most for gains."""
        del nodes
        gpus = Gpus.of(snapshot)
        costs = gpus.packing.costs(gpus.request(pod.shape))
        fitting = np.where(np.isfinite(costs), costs, 0.0)
        return np.rint(_HALF * (1.0 - fitting / (1.0 + np.abs(fitting)))).astype(np.int64)
