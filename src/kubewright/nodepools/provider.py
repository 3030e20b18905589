"""Whoever has nodes to give: a cloud by Cluster API, or the twin. The one thing about nodes that no API server does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kubewright.api.core import Node
from kubewright.api.crds.nodepool import NodePool
from kubewright.nodepools.members import Coming, Offer


class NodeProvider(Protocol):
    """`launch` and `give_back` only begin something; they raise OpError if it cannot even be begun."""

    async def run(self) -> None:
        """Follow what there is until cancelled."""
        ...

    async def launch(self, offer: Offer) -> None:
        """Ask for one more node."""
        ...

    async def give_back(self, pool: NodePool, node: Node) -> None:
        """Have a node taken back that is empty; asked again for the same node it changes nothing."""
        ...

    async def coming(self, pools: Sequence[NodePool]) -> Sequence[Coming]:
        """Return what was asked for and has not joined yet."""
        ...
