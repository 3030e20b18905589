"""Taints: nodes that keep pods away unless they are tolerated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.selecting import tolerated
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class Taints(OverAll):
    """Each NoSchedule and NoExecute taint must be tolerated."""

    name: str = "TaintToleration"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether any node has taints."""
        del pod
        return bool(snapshot.table.taints)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes without a taint that the pod does not tolerate."""
        return tolerated(pod.shape.sample.spec.tolerations, snapshot.table)

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Return the one reason."""
        del pod, snapshot
        yield Reason("node(s) had untolerated taint(s)", refused, resolvable=False)
