"""Many WebApps: made, changed, and watched until each says that its present generation is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from benches.peers.webapp import DEFINITION, WEB_APPS, WebApp
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import NAMESPACES, SERVICES
from kubewright.api.live import live_resource
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.definitions import install
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.pool import WorkerPool

NAMESPACE = "crowd"
WORKERS = 16


def manifest(name: str, image: str) -> Manifest:
    """Return an ordinary one."""
    ports = [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}]
    return {"metadata": {"name": name}, "spec": {"image": image, "replicas": 2, "ports": ports}}


class Crowd:
    """`count` WebApps in a namespace of their own, and what their operator says of them."""

    def __init__(self, client: Client, count: int) -> None:
        self._client = client
        self._names = [f"app-{number:05d}" for number in range(count)]
        self._apps: Informer[WebApp] = Informer(client, WEB_APPS, namespace=NAMESPACE)
        self._apps.add_handler(self._on_change)
        self._served: dict[str, str] = {}
        """The image of those whose present generation is served."""
        self._change = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def on(cls, client: Client, count: int) -> AsyncGenerator[Self]:
        """Define the kind, and watch its objects for as long as the block lasts."""
        await install(client, [DEFINITION])
        await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        crowd = cls(client, count)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(crowd._apps.run())
            await crowd._apps.wait_synced()
            yield crowd
            watching.cancel()

    async def create(self, image: str) -> None:
        """Create all, and wait until all are served."""
        await self._each(lambda name: self._client.create(WEB_APPS, manifest(name, image), namespace=NAMESPACE))
        await self._until(image, self._names)

    async def update(self, image: str) -> None:
        """Give all another image, and wait until all are served."""
        await self._each(
            lambda name: self._client.patch(WEB_APPS, ObjectKey(NAMESPACE, name), {"spec": {"image": image}})
        )
        await self._until(image, self._names)

    async def probe(self, image: str) -> None:
        """Make or change one more, and wait until it is served: the operator works."""
        await self._client.apply(
            WEB_APPS,
            {**manifest("probe", image), "metadata": {"name": "probe", "namespace": NAMESPACE}},
            field_manager="bench",
        )
        await self._until(image, ["probe"])

    async def check(self, image: str) -> None:
        """Raise an error unless every object has its children as they should be."""
        for resource in (DEPLOYMENTS, SERVICES):
            there = await self._client.list(live_resource(resource), namespace=NAMESPACE)
            found = {each.metadata.name for each in there.items if resource is SERVICES or _image(each.spec) == image}
            if missing := set(self._names) - found:
                raise OpError(
                    "bench", ErrorKind.NOT_FOUND, resource.plural, f"{len(missing)} are not as they should be"
                )

    async def _each(self, work: Callable[[str], Awaitable[WebApp]]) -> None:
        pool = WorkerPool(work, workers=WORKERS)
        async with pool.run((name, name) for name in self._names) as done:
            async for each in done:
                each.value()

    async def _until(self, image: str, names: list[str]) -> None:
        waiting = set(names)
        while waiting := {name for name in waiting if self._served.get(name) != image}:
            self._change.clear()
            await self._change.wait()
            await asyncio.sleep(0.02)

    def _on_change(self, change: Change[WebApp]) -> None:
        app = change.new
        if app is None:
            return
        ready = any(each.type == "Applied" and each.status == "True" for each in app.status.conditions)
        if ready and app.status.observed_generation == app.metadata.generation:
            self._served[app.metadata.name] = app.spec.image
            self._change.set()


def _image(spec: Mapping[str, Any]) -> str:
    return spec["template"]["spec"]["containers"][0]["image"]
