"""Resources: what a pod requests must be left on its node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kubewright.api.resources import PODS_RESOURCE
from kubewright.placement.filters.protocol import Reason, Scope
from kubewright.placement.nodes import Amounts, Columns, NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


def enough(pod: PodRow, free: Amounts) -> NodeMask:
    """Return the nodes with enough of everything that the pod requests; `free` has shape (n_resources, n_nodes)."""
    mask = np.full(free.shape[1], not pod.shape.lacking)
    for row, amount in pod.shape.wanted:
        mask &= amount <= free[row]
    return mask


@dataclass(frozen=True, slots=True)
class Resources:
    """No resource is overcommitted; one that is not requested is not looked at, so a node that is over stays usable."""

    name: str = "NodeResourcesFit"
    scope: Scope = Scope.PODS_OF_NODE

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell that every pod takes something."""
        del pod, snapshot
        return True

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes with enough of everything that the pod requests."""
        return self.some(pod, snapshot, slice(None))

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeMask:
        """Return the same of some columns."""
        return enough(pod, snapshot.table.allocatable[:, columns] - snapshot.requested[:, columns])

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> bool:
        """Tell whether one node has enough."""
        taken, capacity = snapshot.requested.item, snapshot.table.allocatable.item
        for row, amount in pod.shape.wanted:
            if taken(row, column) + amount > capacity(row, column):
                return False
        return not pod.shape.lacking

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Give each resource that is short, node by node; where a node is too small, no eviction helps."""
        table = snapshot.table
        too_small = refused.copy() if pod.shape.lacking else table.none()
        short = {f"Insufficient {name}": refused for name in pod.shape.lacking}
        for row, amount in pod.shape.wanted:
            name = table.resources[row]
            lack = refused & (snapshot.requested[row] + amount > table.allocatable[row])
            short["Too many pods" if name == PODS_RESOURCE else f"Insufficient {name}"] = lack
            if name != PODS_RESOURCE:
                too_small |= refused & (amount > table.allocatable[row])
        for text, nodes in short.items():
            yield Reason(text, nodes & ~too_small)
            yield Reason(text, nodes & too_small, resolvable=False)
