"""Resources: what a pod requests must be left on its node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kubewright.api.resources import PODS_RESOURCE
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class Resources:
    """No resource is overcommitted; one that is not requested is not looked at, so a node that is over stays usable."""

    name: str = "NodeResourcesFit"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes with enough of everything that the pod requests."""
        if pod.lacking:
            return ~snapshot.table.all()
        mask = snapshot.table.all()
        for row in np.flatnonzero(pod.request):
            mask &= _enough(pod, snapshot, int(row))
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Count each resource that is short, node by node."""
        counts = {f"Insufficient {name}": int(np.count_nonzero(refused)) for name in pod.lacking}
        for row in np.flatnonzero(pod.request):
            short = int(np.count_nonzero(refused & ~_enough(pod, snapshot, int(row))))
            if short:
                name = snapshot.table.resources[row]
                counts["Too many pods" if name == PODS_RESOURCE else f"Insufficient {name}"] = short
        return counts


def _enough(pod: PodRow, snapshot: ClusterSnapshot, row: int) -> NodeMask:
    return snapshot.requested[row] + pod.request[row] <= snapshot.table.allocatable[row]
