"""Nodes that a pod asks for by name, and nodes that are cordoned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubewright.api.tolerations import NO_SCHEDULE, Taint, tolerates
from kubewright.placement.filters.protocol import one_reason
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot

_CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect=NO_SCHEDULE)


@dataclass(frozen=True, slots=True)
class NodeName:
    """A pod that names its node runs there or nowhere."""

    name: str = "NodeName"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the named node, or all when none is named."""
        wanted = pod.pod.spec.node_name
        mask = snapshot.table.all()
        if wanted:
            column = snapshot.table.columns.get(wanted)
            mask[:] = False
            if column is not None:
                mask[column] = True
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Return the one reason."""
        del pod, snapshot
        return one_reason("node(s) didn't match the requested node name", refused)


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """A cordoned node takes only pods that tolerate it."""

    name: str = "NodeUnschedulable"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that are not cordoned, or all for a pod that tolerates cordons."""
        if tolerates(pod.pod.spec.tolerations, _CORDONED):
            return snapshot.table.all()
        return ~snapshot.table.unschedulable

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Return the one reason."""
        del pod, snapshot
        return one_reason("node(s) were unschedulable", refused)
