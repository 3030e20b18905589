"""What a filter is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


class Filter(Protocol):
    """Refuses nodes. It gets data and does no I/O; what it cannot see in the snapshot it must not know."""

    @property
    def name(self) -> str:
        """Return kube-scheduler's name for it where there is one."""
        ...

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that pass, shape (n_nodes,)."""
        ...

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Say why for the `refused`: each reason with the number of nodes that it holds for."""
        ...


def one_reason(text: str, refused: NodeMask) -> Mapping[str, int]:
    """Return the same reason for all of the refused."""
    return {text: int(np.count_nonzero(refused))}
