"""The twin as a whole: API server, controllers, scheduler and kubelets, in one process and on one loop.

    async with Twin(Clock.wall(), nodes=5) as twin:
        client = twin.client()

Under `run_virtual` the same seed and the same requests lead to the same log. Nothing here knows the server but through
a Client; `SimulatedNodes` is the part that also serves a real control plane.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from kubewright.client.inprocess import InProcessTransport
from kubewright.client.protocol import Client
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.twin.behaviour import Latencies
from kubewright.twin.binder import Binder
from kubewright.twin.bootstrap import system_objects
from kubewright.twin.caches import Caches
from kubewright.twin.controllers import accounts, namespaces
from kubewright.twin.controllers import nodes as node_lifecycle
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.deployment import controller as deployments
from kubewright.twin.controllers.endpoints import controller as endpoints
from kubewright.twin.controllers.garbage import controller as garbage
from kubewright.twin.controllers.replicaset import controller as replica_sets
from kubewright.twin.kinds import KindTable
from kubewright.twin.kubelet import Kubelet
from kubewright.twin.nodes import Heartbeats, NodeShape, join, node_names
from kubewright.twin.server import ApiServer


class SimulatedNodes:
    """Nodes and their kubelets on any cluster: they join, beat and run the pods that are bound to them."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        nodes: int,
        seed: int = 0,
        shape: NodeShape | None = None,
        latencies: Latencies | None = None,
        context: Context | None = None,
    ) -> None:
        self.names = node_names(nodes)
        self._client = client
        self._clock = clock
        self._shape = shape or NodeShape()
        self._own = Context(client, clock, Caches(client)) if context is None else None
        shared = context or self._own
        assert shared is not None  # noqa: S101  one of the two was given
        self.kubelet = Kubelet(shared, self.names, seed=seed, latencies=latencies)
        self._heartbeats = Heartbeats(client, clock, self.kubelet.living, self.kubelet.node)

    async def join(self) -> None:
        """Register the nodes."""
        await join(self._client, self._clock, self.names, self._shape)

    async def beat(self) -> None:
        """Keep the nodes' leases until cancelled."""
        await self._heartbeats.run()

    async def run(self) -> None:
        """Join, then run nodes and pods until cancelled; for a cluster whose controllers are its own."""
        await self.join()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.beat(), name="heartbeats")
            if self._own is not None:
                caches = self._own.caches
                tasks.create_task(caches.run(caches.pods, caches.nodes), name="caches")
                tasks.create_task(self._own.run(), name="kubelet")


class Twin:
    """An embedded cluster; it lives as long as its `async with` block, or as `run`."""

    def __init__(
        self,
        clock: Clock,
        *,
        nodes: int,
        seed: int = 0,
        shape: NodeShape | None = None,
        latencies: Latencies | None = None,
    ) -> None:
        self.clock = clock
        self.server = ApiServer(clock, KindTable.builtin(), seed=seed)
        client = self.client()
        self._caches = Caches(client)
        self._context = Context(client, clock, self._caches)
        for controller in (deployments, replica_sets, endpoints, accounts, namespaces, node_lifecycle):
            controller.add_to(self._context)
        Binder(self._context, seed=seed)
        self.nodes = SimulatedNodes(
            client, clock, nodes=nodes, seed=seed, shape=shape, latencies=latencies, context=self._context
        )
        self._collector = garbage.add_to(self._context)
        self._ready = asyncio.Event()
        self._stack = AsyncExitStack()

    @property
    def kubelet(self) -> Kubelet:
        """Return the kubelets, for faults."""
        return self.nodes.kubelet

    def client(self) -> Client:
        """Return a client of the API server, as an administrator."""
        return RestClient(InProcessTransport(self.server))

    async def run(self) -> None:
        """Make the system's objects, join the nodes and run everything until cancelled."""
        writer = self._context.writer("kube-apiserver")
        await writer.do(system_objects())
        await self.nodes.join()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._caches.run(), name="caches")
            tasks.create_task(self._collector.run(), name="garbage collector")
            tasks.create_task(self._context.run(), name="controllers")
            tasks.create_task(self.nodes.beat(), name="heartbeats")
            await self._caches.wait_synced()
            self._ready.set()

    async def __aenter__(self) -> Self:
        """Start, and wait until the nodes are there and every cache is filled."""
        await self._stack.enter_async_context(self._running())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End everything."""
        return await self._stack.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.run(), name="twin")
            await self._ready.wait()
            try:
                yield
            finally:
                running.cancel()
