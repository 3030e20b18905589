"""Taints: nodes that keep pods away unless they are tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubewright.api.tolerations import untolerated
from kubewright.placement.filters.protocol import one_reason
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class Taints:
    """Each NoSchedule and NoExecute taint must be tolerated."""

    name: str = "TaintToleration"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes without a taint that the pod does not tolerate."""
        mask = snapshot.table.all()
        tolerations = pod.pod.spec.tolerations
        for column in snapshot.table.tainted:
            if untolerated(tolerations, snapshot.table.nodes[column].spec.taints) is not None:
                mask[column] = False
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Return the one reason."""
        del pod, snapshot
        return one_reason("node(s) had untolerated taint(s)", refused)
