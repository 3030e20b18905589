"""The dashboard as a service: its caches, and its pages on a socket. `app.py` and `kubewright dashboard` make it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kubewright.api.meta import Manifest
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.dashboard.access import Access
from kubewright.dashboard.app import DashboardApp
from kubewright.dashboard.login import SCOPES, Login
from kubewright.dashboard.measured import Measured
from kubewright.dashboard.sealing import Attempt, Sealer, Session
from kubewright.dashboard.serving import Serving
from kubewright.dashboard.world import World
from kubewright.runtime.serving import serve_asgi
from kubewright.series.protocol import MetricSource


class Dashboard:
    """A service like any other: `run` until cancelled, `synced`, `settled`."""

    def __init__(self, client: Client, clock: Clock, serving: Serving, source: MetricSource | None = None) -> None:
        """Without a `source` of measurements screens show what the API alone tells."""
        self._world = World(client, clock)
        self._serving = serving
        access = Access(
            client,
            clock,
            Sealer(serving.session_key, Session),
            connect_as=serving.connect_as,
            owner_key=serving.owner_key,
            read_only=serving.read_only,
        )
        secure = serving.tls is not None or serving.behind_tls
        login = None
        if serving.oidc is not None:
            login = Login(serving.oidc, clock, Sealer(serving.session_key, Attempt), serving.scopes or SCOPES)
        measured = Measured(source, self._world, clock) if source is not None else None
        self.app = DashboardApp(
            self._world, access, cluster=serving.cluster, secure=secure, login=login, measured=measured
        )

    @property
    def synced(self) -> bool:
        """Whether it has seen the cluster's state."""
        return self._world.synced

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to do: it does nothing by itself."""
        return self.synced

    @property
    def definitions(self) -> Sequence[Manifest]:
        """The kinds that it brings: none."""
        return ()

    async def run(self) -> None:
        """Serve until cancelled."""
        listener = self._serving.listen()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._world.run(), name="dashboard caches")
            tasks.create_task(serve_asgi(self.app, listener, self._serving.tls), name="dashboard pages")
