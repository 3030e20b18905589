"""Pools and nodes: whose a node is, what it costs, and what an offer would be like. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubewright.api.core import TYPE_LABEL, Node, NodeSpec, NodeStatus
from kubewright.api.crds.nodepool import NodePool, NodeType
from kubewright.api.meta import ObjectMeta
from kubewright.api.quantity import parse_quantity
from kubewright.api.resources import PODS_RESOURCE
from kubewright.placement.pods import HOSTNAME, ZONE
from kubewright.placement.scores.nodes import COST_LABEL

EMPTYING = "kubewright.dev/emptying"
"""The annotation of a node that is being emptied: since when. It is cordoned by us as long as it has it."""
_MOST_PODS = 110


@dataclass(frozen=True, slots=True)
class Offer:
    """One more node that a pool could have."""

    pool: NodePool
    type: NodeType
    zone: str

    @property
    def price(self) -> float:
        """Return what an hour of it costs."""
        return float(parse_quantity(self.type.price))

    @property
    def key(self) -> str:
        """Return what back-off and metrics know it by."""
        where = f"/{self.zone}" if self.zone else ""
        return f"{self.pool.metadata.name}/{self.type.name}{where}"

    def __str__(self) -> str:
        return f"{self.type.name}{f' in {self.zone}' if self.zone else ''}"

    def node(self, name: str) -> Node:
        """Return the node that it would become."""
        spec = self.pool.spec
        labels = {"kubernetes.io/os": "linux", **spec.node_selector, **self.type.labels}
        labels |= {HOSTNAME: name, TYPE_LABEL: self.type.name} | ({ZONE: self.zone} if self.zone else {})
        allocatable = {PODS_RESOURCE: _MOST_PODS, **self.type.allocatable}
        return Node(
            metadata=ObjectMeta(name=name, labels=labels),
            spec=NodeSpec(taints=tuple(each.taint for each in spec.taints)),
            status=NodeStatus(allocatable=allocatable),
        )


@dataclass(frozen=True, slots=True)
class Coming:
    """A node that a provider was asked for and that has not joined yet."""

    offer: Offer
    since: float
    """When it was asked for, in seconds since 1970."""


def offers_of(pool: NodePool) -> Iterator[Offer]:
    """Yield what the pool could have one more of."""
    for each in pool.spec.types:
        for zone in each.zones or ("",):
            yield Offer(pool, each, zone)


def pool_of(node: Node, pools: Iterable[NodePool]) -> NodePool | None:
    """Return the pool that a node belongs to; of several that choose it, the weightiest."""
    return next((pool for _, pool in with_pools((node,), pools)), None)


def with_pools(nodes: Iterable[Node], pools: Iterable[NodePool]) -> Iterator[tuple[Node, NodePool]]:
    """Yield the nodes that belong to a pool, each with that pool."""
    ordered = in_order(pools)
    for node in nodes:
        labels = node.metadata.labels
        for pool in ordered:
            if all(labels.get(key) == value for key, value in pool.spec.node_selector.items()):
                yield node, pool
                break


def in_order(pools: Iterable[NodePool]) -> Sequence[NodePool]:
    """Return pools as they are tried."""
    return sorted(pools, key=lambda each: (-each.spec.weight, each.metadata.name))


def price_of(node: Node, pool: NodePool | None = None) -> float | None:
    """Return what an hour of a node costs, by its own label or else by its type; None if nobody says."""
    said = node.metadata.labels.get(COST_LABEL)
    if said is None and pool is not None:
        name = node.metadata.labels.get(TYPE_LABEL)
        said = next((each.price for each in pool.spec.types if each.name == name), None)
    try:
        return None if said is None else float(parse_quantity(said))
    except ValueError:
        return None
