"""Nodes that a pod asks for by name, and nodes that are cordoned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.api.tolerations import NO_SCHEDULE, Taint, tolerates
from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import NodeMask, NodeTable
from kubewright.placement.pods import PodRow
from kubewright.placement.selecting import named_nodes
from kubewright.placement.snapshot import ClusterSnapshot

_CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect=NO_SCHEDULE)


@dataclass(frozen=True, slots=True)
class NamedNodes(OverAll):
    """A pod whose node affinity names nodes runs on these, and no other is even looked at (`PreFilterResult`)."""

    name: str = "NodeAffinity"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the affinity names nodes."""
        del snapshot
        return named_nodes(pod.shape.sample) is not None

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that are named."""
        return _of_names(named_nodes(pod.shape.sample) or frozenset(), snapshot.table)

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Return the one reason."""
        del pod, snapshot
        yield Reason("node(s) didn't satisfy plugin(s) [NodeAffinity]", refused, resolvable=False)


@dataclass(frozen=True, slots=True)
class NodeName(OverAll):
    """A pod that names its node runs there or nowhere."""

    name: str = "NodeName"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether a node is named."""
        del snapshot
        return bool(pod.pod.spec.node_name)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the named node."""
        return _of_names(frozenset((pod.pod.spec.node_name,)), snapshot.table)

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Return the one reason."""
        del pod, snapshot
        yield Reason("node(s) didn't match the requested node name", refused, resolvable=False)


@dataclass(frozen=True, slots=True)
class Unschedulable(OverAll):
    """A cordoned node takes only pods that tolerate it."""

    name: str = "NodeUnschedulable"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether any node is cordoned and the pod does not tolerate that."""
        return bool(snapshot.table.unschedulable.any()) and not tolerates(pod.shape.sample.spec.tolerations, _CORDONED)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that are not cordoned."""
        del pod
        return ~snapshot.table.unschedulable

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Return the one reason."""
        del pod, snapshot
        yield Reason("node(s) were unschedulable", refused, resolvable=False)


def _of_names(names: frozenset[str], table: NodeTable) -> NodeMask:
    mask = table.none()
    mask[[table.columns[name] for name in names if name in table.columns]] = True
    return mask
