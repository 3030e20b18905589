"""A score for claims that name alternatives: nodes with what they would rather have are better."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.nodes import NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.scores.protocol import Normalised, to_hundred
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class PreferredDevices(Normalised):
    """By how early in their lists the subrequests stand that a node can meet (`firstAvailable`)."""

    name: str = "DynamicResources"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether any of the pod's claims names alternatives."""
        if not pod.pod.spec.resource_claims:
            return False
        needs = snapshot.claims.needs(pod.pod)
        return any(
            each.first_available for claim in (*needs.allocated, *needs.waiting) for each in claim.spec.devices.requests
        )

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 100 for the node that meets the earliest wishes."""
        return to_hundred(snapshot.claims.scores(snapshot.claims.needs(pod.pod), snapshot.table), nodes)
