"""GPUs one by one: a part of a GPU must be left on a single one, and a whole GPU must have nobody on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kubewright.placement.filters.protocol import Reason, Scope
from kubewright.placement.gpus import Gpus, has_gpus
from kubewright.placement.nodes import Columns, NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class SharedGpus:
    """Counts of resources do not say whether half a GPU is left on one, or a quarter on each of two."""

    name: str = "SharedGpus"
    scope: Scope = Scope.PODS_OF_NODE

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod wants GPUs in a cluster that shares any."""
        if not has_gpus(snapshot):
            return False
        gpus = Gpus.of(snapshot)
        return gpus.shares and gpus.request(pod.shape).count > 0

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes with as much left as the pod wants on as many GPUs; those that tell none apart pass."""
        return self.some(pod, snapshot, slice(None))

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeMask:
        """Return the same of some columns."""
        gpus = Gpus.of(snapshot)
        request, nodes = gpus.request(pod.shape), gpus.packing.nodes
        enough = np.count_nonzero(nodes.milli[columns] >= request.milli, axis=1) >= request.count
        return enough | ~nodes.has_gpus[columns]

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> bool:
        """Tell the same of one node."""
        return bool(self.some(pod, snapshot, np.array([column]))[0])

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Say what is missing."""
        request = Gpus.of(snapshot).request(pod.shape)
        what = f"{request.milli / 10:g} % of a GPU" if request.is_share else "a GPU that nobody shares"
        yield Reason(f"node(s) didn't have {what} free on {request.count} of them", refused)
