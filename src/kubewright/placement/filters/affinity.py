"""nodeSelector and required node affinity, over all nodes at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.selecting import matching_nodes
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class NodeAffinity(OverAll):
    """All of nodeSelector, and one of the required terms if there are any."""

    name: str = "NodeAffinity"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod is particular about nodes."""
        del snapshot
        spec = pod.shape.sample.spec
        affinity = spec.affinity.node_affinity if spec.affinity else None
        return bool(spec.node_selector) or (affinity is not None and affinity.required is not None)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that match."""
        return matching_nodes(pod.shape.sample, snapshot.table)

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Return the one reason."""
        del pod, snapshot
        yield Reason("node(s) didn't match Pod's node affinity/selector", refused, resolvable=False)
