"""What a score is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot

MAX_SCORE = 100


class Score(Protocol):
    """Rates nodes from 0 to 100. It gets data and does no I/O."""

    @property
    def name(self) -> str:
        """Return kube-scheduler's name for it where there is one."""
        ...

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NDArray[np.int64]:
        """Return a score for each node, shape (n_nodes,); `nodes` are the feasible ones, to normalise among."""
        ...
