"""The nodes as columns: everything about them that placing a pod does not change.

`ClusterSnapshot` shares one table between all its forks. Rows are resources and columns are nodes, in C order: a filter
asks one resource of all nodes, so what it reads lies side by side in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Node
from kubewright.api.resources import CPU, MEMORY, PODS_RESOURCE, amounts
from kubewright.api.tolerations import HARD_EFFECTS

NodeMask: TypeAlias = NDArray[np.bool_]
"""Shape (n_nodes,): True where a node is meant."""
Amounts: TypeAlias = NDArray[np.int64]
"""Shape (n_resources, n_nodes) or (n_resources,): cpu in thousandths, all else in units."""

BASE_RESOURCES = (CPU, MEMORY, PODS_RESOURCE)
"""Always the first rows, in this order."""


@dataclass(frozen=True, slots=True)
class NodeTable:
    """Nodes and what they offer; made once for a set of nodes by `NodeTable.of`."""

    nodes: tuple[Node, ...]
    columns: Mapping[str, int]
    """From a node's name to its column."""
    resources: tuple[str, ...]
    rows: Mapping[str, int]
    """From a resource's name to its row."""
    allocatable: Amounts
    unschedulable: NodeMask
    tainted: tuple[int, ...]
    """Columns of the nodes with a taint that keeps pods away: few, so they are looked at one by one."""
    _label_masks: dict[tuple[str, str | None], NodeMask] = field(default_factory=dict[tuple[str, str | None], NodeMask])

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> NodeTable:
        """Lay the nodes out in the order given."""
        listed = tuple(nodes)
        offers = [amounts(node.status.allocatable) for node in listed]
        extended = sorted({name for offer in offers for name in offer} - set(BASE_RESOURCES))
        resources = (*BASE_RESOURCES, *extended)
        return cls(
            nodes=listed,
            columns={node.metadata.name: column for column, node in enumerate(listed)},
            resources=resources,
            rows={name: row for row, name in enumerate(resources)},
            allocatable=_table(resources, offers),
            unschedulable=np.fromiter((node.spec.unschedulable for node in listed), np.bool_, len(listed)),
            tainted=tuple(column for column, node in enumerate(listed) if _is_tainted(node)),
        )

    def __len__(self) -> int:
        return len(self.nodes)

    def all(self) -> NodeMask:
        """Return a new mask of all nodes."""
        return np.ones(len(self.nodes), np.bool_)

    def with_label(self, key: str, value: str | None = None) -> NodeMask:
        """Return the nodes that have the label, with this value if one is given; remembered, so not to be changed."""
        mask = self._label_masks.get((key, value))
        if mask is None:
            mask = self.where(
                (lambda node: key in node.metadata.labels)
                if value is None
                else (lambda node: node.metadata.labels.get(key) == value)
            )
            self._label_masks[key, value] = mask
        return mask

    def where(self, holds: Callable[[Node], bool]) -> NodeMask:
        """Return the nodes for which a test of a single node holds."""
        return np.fromiter((holds(node) for node in self.nodes), np.bool_, len(self.nodes))


def _table(resources: Sequence[str], offers: Sequence[Mapping[str, int]]) -> Amounts:
    table = np.zeros((len(resources), len(offers)), np.int64)
    for column, offer in enumerate(offers):
        for row, name in enumerate(resources):
            table[row, column] = offer.get(name, 0)
    return table


def _is_tainted(node: Node) -> bool:
    return any(taint.effect in HARD_EFFECTS for taint in node.spec.taints)
