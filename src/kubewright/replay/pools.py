"""A replay's nodes as NodePools, one for each kind of node, each with the room that it keeps free. `lending` asks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kubewright.api.core import Node, Pod
from kubewright.api.crds.nodepool import Headroom, NodePool, NodePoolSpec, NodeTaint, NodeType
from kubewright.api.meta import ObjectMeta
from kubewright.api.quantity import milli, value
from kubewright.costs.facts import Resource
from kubewright.costs.prices import at_default_rates
from kubewright.devices.requests import GPU, PRODUCT, gpus_of
from kubewright.nodepools.headroom import placeholders
from kubewright.nodepools.members import Offer, offers_of
from kubewright.placement.nodes import NodeMask
from kubewright.replay.cluster import Cluster

HEADROOM = 0.05
"""Share of a pool's nodes that is kept free, for pods that cannot wait until a node has come."""
LEAST_NODES = 1
"""So many besides where there are no GPUs: a job comes with all of its pods at once, however small the cluster is."""
_PARTS = 4
"""It is kept in parts of a node: a quarter of its cpu and GPUs, and an eighth of its memory."""
_GIB = 1 << 30
_Kind = tuple[tuple[tuple[str, str], ...], str]


@dataclass(frozen=True, slots=True)
class Pool:
    """One kind of node."""

    offer: Offer
    columns: NodeMask
    has_gpus: bool
    spares: tuple[Pod, ...]
    """Pods that nobody makes, as large as the room that is kept."""

    @property
    def name(self) -> str:
        """Return the pool's name."""
        return self.offer.pool.metadata.name


def pools_of(cluster: Cluster) -> tuple[Pool, ...]:
    """Return a pool for each kind of node, the cheapest first."""
    kinds: dict[_Kind, list[int]] = {}
    for column, node in enumerate(cluster.nodes):
        kinds.setdefault(_kind(node), []).append(column)
    found = [_pool(cluster, number, columns) for number, columns in enumerate(kinds.values())]
    return tuple(sorted(found, key=lambda each: (each.offer.price, each.name)))


def _kind(node: Node) -> _Kind:
    offered = tuple(sorted((name, str(amount)) for name, amount in node.status.allocatable.items()))
    return offered, node.metadata.labels.get(PRODUCT, "")


def _pool(cluster: Cluster, number: int, columns: list[int]) -> Pool:
    node = cluster.nodes[columns[0]]
    mask = np.zeros(len(cluster.nodes), np.bool_)
    mask[columns] = True
    gpus = gpus_of(node)
    chosen = {PRODUCT: node.metadata.labels[PRODUCT]} if gpus else {}
    kept = math.ceil(HEADROOM * len(columns) * _PARTS) + (0 if gpus else LEAST_NODES * _PARTS)
    spec = NodePoolSpec(
        node_selector=chosen,
        types=(NodeType(f"kind-{number}", f"{_price(node, gpus):.6f}", node.status.allocatable),),
        max=len(columns),
        taints=tuple(NodeTaint(each.key, each.value, each.effect) for each in node.spec.taints),
        headroom=(Headroom(kept, _part(node, gpus)),),
    )
    pool = NodePool(metadata=ObjectMeta(name=f"kind-{number}", uid=f"kind-{number}"), spec=spec)
    return Pool(next(offers_of(pool)), mask, bool(gpus), tuple(placeholders(pool)))


def _part(node: Node, gpus: int) -> Mapping[str, str]:
    offered = node.status.allocatable
    part = {
        "cpu": f"{milli(offered['cpu']) // _PARTS}m",
        "memory": str(value(offered["memory"]) // (2 * _PARTS)),
    }
    return part | ({GPU: str(max(1, gpus // _PARTS))} if gpus else {})


def _price(node: Node, gpus: int) -> float:
    offered = node.status.allocatable
    cores, gib = milli(offered["cpu"]) / 1000, value(offered["memory"]) / _GIB
    return at_default_rates({Resource.CPU: cores, Resource.MEMORY: gib, Resource.GPU: gpus})
