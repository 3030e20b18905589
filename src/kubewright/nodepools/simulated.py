"""Nodes of a twin, which come some time after they were asked for: the provider of `twin serve --node-pools`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from kubewright.api.core import NODES, Node
from kubewright.api.crds.nodepool import NodePool
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.nodepools.members import Coming, Offer
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import KUBELET, NodeShape, node_manifest, settle

_FIRST = 10_000
"""Numbers from here on, so that no address is one of the twin's own nodes."""


@dataclass
class SimulatedProvider:
    """Has as many nodes of each type as anybody asks for, but for those types of which it is told to have no more."""

    twin: Twin
    startup_seconds: float = 60.0
    sold_out: set[str] = field(default_factory=set[str])
    """Types of which there are none to be had."""
    _coming: dict[str, Coming] = field(default_factory=dict[str, Coming])
    _asked: int = 0

    async def run(self) -> None:
        """Let nodes join when their time has come, until cancelled."""
        while True:
            now = self.twin.clock.now()
            due = [name for name, each in self._coming.items() if now - each.since >= self.startup_seconds]
            for name in due:
                await self._join(name, self._coming[name].offer)
                del self._coming[name]
            await asyncio.sleep(1)

    async def launch(self, offer: Offer) -> None:
        """Ask for one more node."""
        if offer.type.name in self.sold_out:
            raise OpError("launch", ErrorKind.EXHAUSTED, offer.key, f"no {offer} is to be had")
        self._asked += 1
        name = f"{offer.pool.metadata.name}-{offer.type.name}-{self._asked}"
        self._coming[name] = Coming(offer, self.twin.clock.now())

    async def give_back(self, pool: NodePool, node: Node) -> None:
        """Take a node away."""
        del pool
        self.twin.kubelet.nodes.pop(node.metadata.name, None)
        try:
            await self.twin.client().delete(NODES, node.key, uid=node.metadata.uid)
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    async def coming(self, pools: Sequence[NodePool]) -> Sequence[Coming]:
        """Return what was asked for and has not joined yet."""
        names = {each.metadata.name for each in pools}
        return [each for each in self._coming.values() if each.offer.pool.metadata.name in names]

    async def _join(self, name: str, offer: Offer) -> None:
        node = offer.node(name)
        shape = NodeShape(labels=node.metadata.labels, zones=(offer.zone or "zone-a",))
        manifest: Manifest = node_manifest(name, _FIRST + self._asked, shape, self.twin.clock.now())
        offered = {"ephemeral-storage": "100Gi"} | {key: str(each) for key, each in node.status.allocatable.items()}
        manifest["status"] |= {"capacity": offered, "allocatable": offered}
        taints = [{"key": each.key, "value": each.value, "effect": each.effect} for each in node.spec.taints]
        manifest["spec"] |= {"taints": taints} if taints else {}
        self.twin.kubelet.nodes[name] = None
        client = self.twin.client()
        await client.create(NODES, manifest, field_manager=KUBELET)
        await settle(client, self.twin.clock, await client.get(NODES, ObjectKey("", name)))
