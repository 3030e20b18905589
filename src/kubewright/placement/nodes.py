"""The nodes as columns: everything about them that placing a pod does not change.

`ClusterSnapshot` shares one table between all its forks. Rows are resources and columns are nodes, in C order: a filter
asks one resource of all nodes, so what it reads lies side by side in memory. Labels are read as integers: each label
key is a `Topology` that gives every node the number of its domain, so that domains are counted by `np.bincount`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Node, Taint
from kubewright.api.resources import CPU, MEMORY, PODS_RESOURCE, amounts

NodeMask: TypeAlias = NDArray[np.bool_]
"""Shape (n_nodes,): True where a node is meant."""
Amounts: TypeAlias = NDArray[np.int64]
"""Shape (n_resources, n_nodes) or (n_resources,): cpu in thousandths, all else in units."""
Counts: TypeAlias = NDArray[np.int32]
"""Shape (n_nodes,): pods on each node."""
NodeScores: TypeAlias = NDArray[np.int64]
"""Shape (n_nodes,)."""

Columns: TypeAlias = slice | NDArray[np.intp]
"""Some of the nodes, by column."""

_T = TypeVar("_T", bound=np.generic)

BASE_RESOURCES = (CPU, MEMORY, PODS_RESOURCE)
"""Always the first rows, in this order."""
MOST = 2**50
"""What is more counts as this much, so that what thousands of pods ask for can be added up: a pebibyte. Nodes offer
less than that, so that nobody who asks for so much fits anywhere."""
REMEMBERED_MASKS = 4096
"""So many answers about nodes are kept at a time: 20 MB at 5,000 nodes."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The domains that a label key divides the nodes into."""

    codes: NDArray[np.intp]
    """Shape (n_nodes,): each node's domain; nodes without the label are in the last one, number `n_domains`."""
    present: NodeMask
    """The nodes that have the label."""
    values: Mapping[str, int]
    """From a label's value to its domain."""

    @property
    def n_domains(self) -> int:
        """Return how many domains there are."""
        return len(self.values)

    def totals(self, counts: NDArray[np.int32], among: NodeMask | None = None) -> NDArray[np.int64]:
        """Add up by domain, over the nodes `among`; shape (n_domains + 1,), the last for nodes without the label."""
        weights = counts if among is None else np.where(among, counts, 0)
        return np.bincount(self.codes, weights, self.n_domains + 1).astype(np.int64)

    def domains(self, among: NodeMask) -> NDArray[np.bool_]:
        """Return which domains have a node `among` these; shape (n_domains,)."""
        return np.bincount(self.codes[among], minlength=self.n_domains + 1)[:-1] > 0


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
    taints: tuple[tuple[tuple[Taint, ...], NDArray[np.intp]], ...]
    """Each set of taints that nodes have, with the columns of these nodes: there are few sets, however many nodes."""
    images: Mapping[str, Image]
    """What nodes hold, by name."""
    _topologies: dict[str, Topology] = field(default_factory=dict[str, Topology])
    _masks: dict[bytes, NodeMask] = field(default_factory=dict[bytes, NodeMask])

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
            taints=taints_of(listed),
            images=_images(listed),
        )

    def __len__(self) -> int:
        return len(self.nodes)

    def all(self) -> NodeMask:
        """Return a new mask of all nodes."""
        return np.ones(len(self.nodes), np.bool_)

    def none(self) -> NodeMask:
        """Return a new mask of no nodes."""
        return np.zeros(len(self.nodes), np.bool_)

    def topology(self, key: str) -> Topology:
        """Return the domains of a label key; remembered."""
        found = self._topologies.get(key)
        if found is None:
            found = self._topologies[key] = _topology(self.nodes, key)
        return found

    def with_label(self, key: str, value: str | None = None) -> NodeMask:
        """Return the nodes that have the label, with this value if one is given; not to be changed."""
        topology = self.topology(key)
        return topology.present if value is None else topology.codes == topology.values.get(value, -1)

    def where(self, holds: Callable[[Node], bool]) -> NodeMask:
        """Return the nodes for which a test of a single node holds."""
        return np.fromiter((holds(node) for node in self.nodes), np.bool_, len(self.nodes))

    def remembered(self, key: bytes, make: Callable[[], NodeMask]) -> NodeMask:
        """Return the mask of that key, made at the first time; not to be changed."""
        mask = self._masks.get(key)
        if mask is None:
            if len(self._masks) >= REMEMBERED_MASKS:
                self._masks.clear()
            mask = self._masks[key] = make()
        return mask


def resized(values: NDArray[_T], n_nodes: int) -> NDArray[_T]:
    """Return a copy with so many columns, new ones all zeros; shape (..., n_nodes_before) to (..., n_nodes)."""
    result = np.zeros((*values.shape[:-1], n_nodes), values.dtype)
    kept = min(n_nodes, values.shape[-1])
    result[..., :kept] = values[..., :kept]
    return result


def offer(node: Node) -> tuple[object, ...]:
    """Return what of a node placement depends on; heartbeats are no news, and images can wait for those that are."""
    return node.metadata.labels, node.spec.taints, node.spec.unschedulable, node.status.allocatable


@dataclass(frozen=True, slots=True)
class Image:
    """A container image that nodes hold."""

    size_bytes: int
    present: NodeMask


def _table(resources: Sequence[str], offers: Sequence[Mapping[str, int]]) -> Amounts:
    table = np.zeros((len(resources), len(offers)), np.int64)
    for column, offer in enumerate(offers):
        for row, name in enumerate(resources):
            table[row, column] = offered_amount(offer.get(name, 0))
    return table


def offered_amount(amount: int) -> int:
    """Return an amount that a node offers as it stands in a column."""
    return min(max(amount, -MOST), MOST - 1)


def wanted_amount(amount: int) -> int:
    """Return an amount that a pod asks for as it stands in a column."""
    return min(amount, MOST)


def taints_of(nodes: Sequence[Node]) -> tuple[tuple[tuple[Taint, ...], NDArray[np.intp]], ...]:
    """Return each set of taints that nodes have, with the columns of these nodes."""
    groups: dict[tuple[Taint, ...], list[int]] = {}
    for column, node in enumerate(nodes):
        if node.spec.taints:
            groups.setdefault(node.spec.taints, []).append(column)
    return tuple((taints, np.array(columns, np.intp)) for taints, columns in groups.items())


def _images(nodes: Sequence[Node]) -> dict[str, Image]:
    """As kube-scheduler does, take an image to be as large as on the first node that has it."""
    images: dict[str, Image] = {}
    for column, node in enumerate(nodes):
        for each in node.status.images:
            for name in each.names or ():
                if name not in images:
                    images[name] = Image(each.size_bytes, np.zeros(len(nodes), np.bool_))
                images[name].present[column] = True
    return images


def _topology(nodes: Sequence[Node], key: str) -> Topology:
    values: dict[str, int] = {}
    codes = np.empty(len(nodes), np.intp)
    for column, node in enumerate(nodes):
        value = node.metadata.labels.get(key)
        codes[column] = -1 if value is None else values.setdefault(value, len(values))
    present = codes >= 0
    codes[~present] = len(values)
    return Topology(codes, present, values)
