"""A service as a process of its own: health and metrics served, one leader at a time, an end in good order.

`kubewright up` and `kubewright operate` are this with the platform and with somebody's operator.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import Client
from kubewright.client.rest import RestClient
from kubewright.client.transport import Transport
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.diagnostics.app import DiagnosticsApp
from kubewright.runtime.diagnostics.gatekeeper import Gatekeeper
from kubewright.runtime.health import HealthApp
from kubewright.runtime.leader import LeaderElector, LeadershipLostError
from kubewright.runtime.metered import MeteredTransport
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.serving import AsgiApp, listen, serve_asgi
from kubewright.runtime.shutdown import run_until_signalled
from kubewright.runtime.traces import Traces

_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Given:
    """What a process gives to that which it runs."""

    client: Client
    clock: Clock
    metrics: RuntimeMetrics
    registry: CollectorRegistry
    """What is exposed; for metrics besides the runtime's."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is kept running, until cancelled, and whether it has seen the cluster's state."""

    run: Callable[[], Awaitable[None]]
    ready: Callable[[], bool]
    beside: Callable[[], Awaitable[None]] | None = None
    """What every replica does, whether it leads or not: serving webhooks."""


@dataclass(frozen=True, slots=True)
class Process:
    """How a service is run: whom it talks to, where it listens, and which lease it leads by (None: no election)."""

    server: str
    transport: Transport
    address: str
    lease: ObjectKey | None
    debug: bool = False
    """Whether it shows `/debug/*` of itself, to those whom the cluster lets see it."""

    async def keep_up(self, make: Callable[[Given], Work], said: Callable[[str], None]) -> None:
        """Run what `make` makes until told to end (SIGTERM, Ctrl-C).

        `said` is called once the cluster answers, with the `HOST:PORT` where health and metrics are. Raises OpError: at
        once when the cluster cannot be reached or the address is taken, and when the lease is lost, so that the process
        comes back as a replica that waits.
        """
        clock, registry = Clock.wall(), CollectorRegistry()
        traces = Traces() if self.debug else None
        metrics = RuntimeMetrics(registry, traces)
        client = RestClient(MeteredTransport(self.transport, metrics, self.server))
        try:
            await client.raw("GET", "/version")  # says at once, and in one line, what is wrong with the connection
            work = make(Given(client, clock, metrics, registry))
            elector = self._elector(client, clock, metrics)

            def ready() -> bool:
                # Who waits for his turn has all that waiting takes: a rollout goes on, and budgets count him.
                return work.ready() if elector is None or elector.leading else True

            health: AsgiApp = HealthApp(registry, {"caches": ready})
            if traces is not None:
                health = DiagnosticsApp(health, Gatekeeper(client), traces)
            with listener(self.address) as listening:
                host, port = listening.getsockname()[:2]
                said(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
                await run_until_signalled(self._serve(work, elector, health, listening))
        finally:
            await client.close()

    async def _serve(
        self, work: Work, elector: LeaderElector | None, health: AsgiApp, listening: socket.socket
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_asgi(health, listening))
            if work.beside is not None:
                tasks.create_task(_until_cancelled(work.beside))
            await self._lead(work.run, elector)

    async def _lead(self, run: Callable[[], Awaitable[None]], elector: LeaderElector | None) -> None:
        if elector is None:
            await run()
            return
        try:
            await elector.run(run)
        except LeadershipLostError as error:
            raise OpError("up", ErrorKind.CONFLICT, f"Lease/{self.lease}", f"no longer the leader: {error}") from error

    def _elector(self, client: Client, clock: Clock, metrics: RuntimeMetrics) -> LeaderElector | None:
        return None if self.lease is None else LeaderElector(client, clock, self.lease, identity(), metrics=metrics)


async def _until_cancelled(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def listener(address: str) -> socket.socket:
    """Open the socket of `HOST:PORT`, of every address where HOST is empty; raises OpError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > _LAST_PORT:
        raise OpError("up", ErrorKind.INVALID, address, "an address is HOST:PORT, such as 127.0.0.1:8080")
    return listen(host, int(port))


def identity() -> str:
    """Name this replica: the pod's name in a cluster, else host and process."""
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}_{os.getpid()}"
