"""The twin as a whole: API server, controllers, scheduler and kubelets, in one process and on one loop.

    async with Twin(Clock.wall(), nodes=5) as twin:
        client = twin.client()

Under `run_virtual` the same seed and the same requests lead to the same log. Nothing here knows the server but through
a Client; `SimulatedNodes` is the part that also serves a real control plane.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self, TypedDict

import msgspec

from kubewright.api.core import Node
from kubewright.api.meta import manifest_key
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.protocol import Client
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.store.versioned import VersionedStore
from kubewright.twin.access.users import ADMIN, User
from kubewright.twin.binder import Binder
from kubewright.twin.bootstrap import system_objects
from kubewright.twin.caches import Caches
from kubewright.twin.certificates import Authority
from kubewright.twin.controllers import accounts, aggregation, namespaces, quotas
from kubewright.twin.controllers.autoscaler import controller as autoscalers
from kubewright.twin.controllers.certificates import controller as certificates
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.cronjob import controller as cron_jobs
from kubewright.twin.controllers.daemonset import controller as daemon_sets
from kubewright.twin.controllers.deployment import controller as deployments
from kubewright.twin.controllers.disruption import controller as disruption
from kubewright.twin.controllers.endpoints import controller as endpoints
from kubewright.twin.controllers.endpoints import mirroring
from kubewright.twin.controllers.garbage import controller as garbage
from kubewright.twin.controllers.job import controller as jobs
from kubewright.twin.controllers.nodes import eviction, lifecycle, podgc
from kubewright.twin.controllers.replicaset import controller as replica_sets
from kubewright.twin.controllers.resourceclaims import controller as resource_claims
from kubewright.twin.controllers.resourceclaims import keeping as resource_claim_keeping
from kubewright.twin.controllers.statefulset import controller as stateful_sets
from kubewright.twin.controllers.volumes import binding, ephemeral, protection, provisioner
from kubewright.twin.controllers.writes import Create
from kubewright.twin.exporters.assembly import Exporters
from kubewright.twin.faults import controller as faults
from kubewright.twin.faults.ailments import show_on
from kubewright.twin.faults.clients import COMPONENT_AGENT
from kubewright.twin.faults.effects import UsageEffects
from kubewright.twin.faults.gate import ApiGate
from kubewright.twin.faults.inforce import Board
from kubewright.twin.faults.laying import LaidUsage
from kubewright.twin.faults.saved import silenced
from kubewright.twin.kinds import KindTable
from kubewright.twin.kubelet.behaviour import Latencies
from kubewright.twin.kubelet.driver import Kubelet
from kubewright.twin.nodes import GivenUp, Heartbeats, NodeShape, Renewals, join, node_names
from kubewright.twin.renewals import LeaseRenewals, LeaseSigns
from kubewright.twin.server import ApiServer
from kubewright.twin.webhooks.questions import WebhookTransport

COMPONENTS = f"{COMPONENT_AGENT}components"
_NODES = ("", "nodes")
_SEED_BITS = 64


class _Options(TypedDict):
    seed: int
    shape: NodeShape | None
    latencies: Latencies | None
    authority: Authority | None
    webhooks: WebhookTransport | None
    gateway_api: bool


class SimulatedNodes:
    """Nodes and their kubelets on any cluster: they join, beat and run the pods that are bound to them."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        nodes: int | Sequence[str],
        seed: int = 0,
        shape: NodeShape | None = None,
        latencies: Latencies | None = None,
        context: Context | None = None,
        renewals: Renewals | None = None,
        gate: ApiGate | None = None,
    ) -> None:
        """Put them together; on a twin its controllers' `context` and its server's `gate` are shared."""
        self.names = node_names(nodes) if isinstance(nodes, int) else tuple(nodes)
        self._client = client
        self._clock = clock
        self._shape = shape or NodeShape()
        self._own = Context(client, clock, Caches(client)) if context is None else None
        shared = context or self._own
        assert shared is not None  # noqa: S101  one of the two was given
        self.kubelet = Kubelet(shared, self.names, seed=seed, latencies=latencies)
        board = gate.board if gate else Board()
        self._faults = faults.add_to(shared, board, self.kubelet, gate)
        if self._own is not None:
            laid = self.kubelet.usage = LaidUsage(self.kubelet.usage, clock)
            UsageEffects(board, laid, clock, shared.caches.pods, self.kubelet.look)
        given_up = GivenUp()
        shared.caches.nodes.add_handler(given_up.on_node)
        self._heartbeats = Heartbeats(
            client,
            clock,
            self.kubelet.nodes,
            self.kubelet.is_living,
            given_up,
            is_tight=self.kubelet.is_tight,
            says_ready=self.kubelet.says_ready,
            renewals=renewals,
        )

    async def join(self, *, known: Collection[str] = ()) -> None:
        """Register the nodes, but for those that are known and go on as they are."""
        names = [name for name in self.names if name not in known]
        await join(self._client, self._clock, names, self._shape)

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
                tasks.create_task(self._faults.run(), name="faults")


class Twin:
    """An embedded cluster; it lives as long as its `async with` block, or as `run`."""

    def __init__(
        self,
        clock: Clock,
        *,
        nodes: int | Sequence[str],
        seed: int = 0,
        shape: NodeShape | None = None,
        latencies: Latencies | None = None,
        authority: Authority | None = None,
        webhooks: WebhookTransport | None = None,
        gateway_api: bool = False,
        server: ApiServer | None = None,
    ) -> None:
        """Put it together.

        `authority` is whom the server's clients trust, if it is on a socket: pods get its certificate, and requests for
        certificates are signed by it. `webhooks` carries questions to webhooks. `gateway_api` defines its kinds.
        """
        self.clock = clock
        self._options: _Options = {
            "seed": seed,
            "shape": shape,
            "latencies": latencies,
            "authority": authority,
            "webhooks": webhooks,
            "gateway_api": gateway_api,
        }
        self.server = server or ApiServer(clock, KindTable.builtin(), seed=seed, webhooks=webhooks)
        self.server.need_accounts()
        client = RestClient(InProcessTransport(self.server.answering(ADMIN)), user_agent=COMPONENTS)
        self._caches = Caches(client)
        self._context = Context(
            client, clock, self._caches, events=self.server.event_writes(), updates=self.server.pod_updates()
        )
        for controller in (
            deployments,
            replica_sets,
            daemon_sets,
            stateful_sets,
            jobs,
            cron_jobs,
            resource_claims,
            resource_claim_keeping,
            autoscalers,
            disruption,
            endpoints,
            mirroring,
            namespaces,
            eviction,
            podgc,
            binding,
            ephemeral,
            protection,
            provisioner,
        ):
            controller.add_to(self._context)
        lifecycle.add_to(self._context, LeaseSigns(self.server.store))
        accounts.add_to(self._context, ca=authority.certificate.decode() if authority is not None else "")
        if authority is not None:
            certificates.add_to(self._context, authority)
        aggregation.add_to(self._context)
        Binder(self._context, seed=seed)
        self.nodes = SimulatedNodes(
            client,
            clock,
            nodes=nodes,
            seed=seed,
            shape=shape,
            latencies=latencies,
            context=self._context,
            renewals=LeaseRenewals(self.server.store),
            gate=self.server.gate,
        )
        self.exporters = Exporters(self._context, self.server, self.kubelet, seed=seed)
        board = self.server.faults
        self._usage = UsageEffects(board, self.exporters.ledger, clock, self._caches.pods, self.kubelet.look)
        show_on(board, self.exporters.devices)
        news = quotas.add_to(self._context)
        self._collector = garbage.add_to(self._context)
        self._collector.tell(news.on_object)
        self._ready = asyncio.Event()
        self._stack = AsyncExitStack()

    @property
    def kubelet(self) -> Kubelet:
        """Return the kubelets, for faults."""
        return self.nodes.kubelet

    @classmethod
    def loaded(
        cls,
        clock: Clock,
        store: VersionedStore,
        *,
        nodes: int = 0,
        seed: int = 0,
        shape: NodeShape | None = None,
        latencies: Latencies | None = None,
        authority: Authority | None = None,
        webhooks: WebhookTransport | None = None,
        gateway_api: bool = False,
    ) -> Twin:
        """Return a twin of saved objects and `nodes` more nodes; saved nodes that were not ready stay silent."""
        # The revision keeps the generator from giving out once more the uids that saved objects already have.
        seed_now = seed + (store.revision << _SEED_BITS)
        server = ApiServer(clock, KindTable.builtin(), store, seed=seed_now, webhooks=webhooks)
        saved = store.list(_NODES)[0]
        names = dict.fromkeys([record.key.name for record in saved] + list(node_names(nodes)))
        twin = cls(
            clock,
            nodes=tuple(names),
            seed=seed,
            shape=shape,
            latencies=latencies,
            authority=authority,
            webhooks=webhooks,
            gateway_api=gateway_api,
            server=server,
        )
        loaded = [msgspec.json.decode(record.encoded, type=Node) for record in saved]
        held = silenced(store, clock, loaded)
        for node in loaded:
            if not node.is_ready and node.metadata.name not in held:
                twin.kubelet.kill_node(node.metadata.name)
        return twin

    def fork(self, clock: Clock | None = None) -> Twin:
        """Return an independent twin in the same state, for a what-if: run it like any other, or drop it.

        Nothing that happens to either is seen by the other. Objects and their history are shared, since they never
        change; controllers begin with empty queues, as after a restart. `clock` is for a fork on another loop.
        """
        server = self.server.fork(clock)
        forked = Twin(clock or self.clock, nodes=self.nodes.names, server=server, **self._options)
        forked.kubelet.resume_from(self.kubelet)
        forked._usage.resume_from(self._usage)
        forked.exporters.ledger.resume_from(self.exporters.ledger)
        return forked

    def client(self, user: User = ADMIN) -> Client:
        """Return a client of the API server, as an administrator unless it is another user."""
        return RestClient(InProcessTransport(self.server.answering(user)))

    async def run(self) -> None:
        """Make the system's objects, join the nodes and run everything until cancelled."""
        store = self.server.store
        writer = self._context.writer("kube-apiserver")
        await writer.do(
            each for each in system_objects(gateway_api=self._options["gateway_api"]) if not _is_there(store, each)
        )
        self.server.bootstrap()
        await self.nodes.join(known={record.key.name for record in store.list(_NODES)[0]})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._caches.run(), name="caches")
            tasks.create_task(self._collector.run(), name="garbage collector")
            tasks.create_task(self._context.run(), name="controllers")
            tasks.create_task(self.nodes.beat(), name="heartbeats")
            await self._caches.wait_synced()
            # What the cluster was made from is nobody's to watch: a real server forgets it in minutes.
            store.compact(store.revision)
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


def _is_there(store: VersionedStore, write: Create) -> bool:
    resource = write.resource
    return store.get((resource.group, resource.plural), manifest_key(write.manifest)) is not None
