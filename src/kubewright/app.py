"""The whole system on one page: every controller, built and run here.

A service is anything with `run()` (until cancelled), `synced` and `settled`. To add a feature, add a line to
`services`. The same list runs against a real cluster and, through an in-process client, on the twin.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from kubewright.api.crds import all_crds
from kubewright.api.meta import Manifest
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.definitions import install, missing
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.workloads.controller import app_services


class Service(Protocol):
    """A part of the platform that runs by itself."""

    @property
    def synced(self) -> bool:
        """Whether it has seen the cluster's state and works."""
        ...

    @property
    def settled(self) -> bool:
        """Whether it has done all that it sees to do at present."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


class Platform:
    """kubewright on one cluster."""

    def __init__(self, client: Client, clock: Clock, *, metrics: RuntimeMetrics | None = None) -> None:
        self._client = client
        self._recorder = EventRecorder(client, clock, "kubewright", metrics=metrics)
        self.services: dict[str, Service] = {
            "workloads": app_services(client, clock, self._recorder, metrics=metrics),
        }

    @property
    def ready(self) -> bool:
        """Whether every service has seen the cluster's state."""
        return all(service.synced for service in self.services.values())

    @property
    def settled(self) -> bool:
        """Whether every service has done all that it sees to do at present."""
        return all(service.settled for service in self.services.values())

    async def run(self) -> None:
        """Install what is missing, then run every service until cancelled."""
        await install(self._client, all_crds())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recorder.run())
            for name, service in self.services.items():
                tasks.create_task(service.run(), name=name)


async def missing_definitions(client: Client) -> list[Manifest]:
    """Return the CustomResourceDefinitions that the cluster lacks."""
    return await missing(client, all_crds())
