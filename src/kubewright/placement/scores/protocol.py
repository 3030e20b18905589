"""What a score is."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.nodes import Columns, NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot

MAX_SCORE = 100
_ALL_AT_ONCE = "a normalised score is only known for all nodes at once"


class Score(Protocol):
    """Rates nodes from 0 to 100. It gets data and does no I/O."""

    @property
    def name(self) -> str:
        """Return kube-scheduler's name for it where there is one."""
        ...

    @property
    def scope(self) -> Scope:
        """Return what a node's rate depends on; with `PODS_OF_NODE` not on which other nodes are feasible."""
        ...

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether it could rate two nodes differently; if not, nothing else is asked."""
        ...

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return a score for each node, shape (n_nodes,); `nodes` are the feasible ones, to normalise among."""
        ...

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeScores:
        """Return some nodes' scores: what `score` says of them, at less cost; asked only of scope `PODS_OF_NODE`."""
        ...

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Return one node's score: what `score` says of it, at far less cost; asked only of scope `PODS_OF_NODE`."""
        ...


def to_hundred(raw: NodeScores, nodes: NodeMask, *, reverse: bool = False) -> NodeScores:
    """Stretch scores so that the best of `nodes` has 100, or with `reverse` 0 (`DefaultNormalizeScore`)."""
    most = int(raw[nodes].max(initial=0))
    if not most:
        return np.full_like(raw, MAX_SCORE if reverse else 0)
    stretched = raw * MAX_SCORE // most
    return MAX_SCORE - stretched if reverse else stretched


class Normalised:
    """A score that is relative to other nodes has no value at one."""

    __slots__ = ()

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeScores:
        """Refuse: nobody asks a score of such a scope."""
        del pod, snapshot, columns
        raise TypeError(_ALL_AT_ONCE)

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> int:
        """Refuse, too."""
        del pod, snapshot, column
        raise TypeError(_ALL_AT_ONCE)
