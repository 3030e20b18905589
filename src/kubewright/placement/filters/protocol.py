"""What a filter is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from kubewright.placement.nodes import Columns, NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


class Scope(Enum):
    """What an answer depends on, so that it is worked out again only when that changed."""

    NODES = "nodes"
    """The nodes and the pod's shape."""
    PODS_OF_NODE = "pods of the node"
    """Also the pods that are on the node in question."""
    PODS = "pods"
    """Also pods that are elsewhere."""
    POD = "the pod"
    """Also what the pod does not share with others of its shape, and objects outside the snapshot."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a filter refuses these nodes, in kube-scheduler's words."""

    text: str
    nodes: NodeMask
    resolvable: bool = True
    """Whether taking pods off the node could help: kube-scheduler preempts only then."""


class Filter(Protocol):
    """Refuses nodes. It gets data and does no I/O; what it cannot see in the snapshot it must not know."""

    @property
    def name(self) -> str:
        """Return kube-scheduler's name for it where there is one."""
        ...

    @property
    def scope(self) -> Scope:
        """Return what its answers depend on."""
        ...

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether it could refuse any node; if not, nothing else is asked."""
        ...

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that pass, shape (n_nodes,); not to be changed."""
        ...

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeMask:
        """Return which of some nodes pass: what `mask` says of them, with scope `PODS_OF_NODE` at less cost."""
        ...

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> bool:
        """Tell whether one node passes: what `mask` says of it, with scope `PODS_OF_NODE` at far less cost."""
        ...

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Say why for the `refused`, of which each may have several reasons."""
        ...


class OverAll(ABC):
    """A filter to which one node is as much work as all."""

    __slots__ = ()

    @abstractmethod
    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that pass."""

    def some(self, pod: PodRow, snapshot: ClusterSnapshot, columns: Columns) -> NodeMask:
        """Return which of some nodes pass."""
        return self.mask(pod, snapshot)[columns]

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> bool:
        """Tell whether one node passes."""
        return bool(self.mask(pod, snapshot)[column])
