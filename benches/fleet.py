"""Many AppServices at once, for the benchmarks that deploy them: made through a WorkerPool, watched by an Informer."""

from __future__ import annotations

import asyncio

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.meta import Manifest
from kubewright.app import Platform
from kubewright.client.protocol import Client
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.pool import WorkerPool

NAMESPACE = "fleet"


def manifest(number: int) -> Manifest:
    """Return an ordinary small application."""
    spec = {
        "image": "registry.example/shop:1.2.3",
        "replicas": 1,
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        "env": [{"name": "NUMBER", "value": str(number)}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    return {"metadata": {"name": f"app-{number:04d}"}, "spec": spec}


async def until_ready(platform: Platform) -> None:
    """Wait until the platform's caches are whole."""
    while not platform.ready:  # noqa: ASYNC110  several informers make it so
        await asyncio.sleep(0.05)


class Fleet:
    """`count` AppServices in a namespace of their own."""

    def __init__(self, client: Client, count: int) -> None:
        self._client = client
        self._count = count
        self._apps: Informer[AppService] = Informer(client, APP_SERVICES, namespace=NAMESPACE)
        self._ready: set[str] = set()
        self._all_ready = asyncio.Event()
        self._apps.add_handler(self._on_change)

    async def deploy(self) -> float:
        """Create them all, wait until each says that it is ready, and return the seconds that this took."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        namespace: Manifest = {"metadata": {"name": NAMESPACE}}
        await self._client.create(NAMESPACES, namespace)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._apps.run())
            pool = WorkerPool(self._create, workers=8)
            async with pool.run((number, number) for number in range(self._count)) as results:
                async for result in results:
                    result.value()
            await self._all_ready.wait()
            watching.cancel()
        return loop.time() - begun

    async def _create(self, number: int) -> AppService:
        return await self._client.create(APP_SERVICES, manifest(number), namespace=NAMESPACE)

    def _on_change(self, change: Change[AppService]) -> None:
        app = change.new
        if app is not None and app.status.ready:
            self._ready.add(app.metadata.name)
        else:
            self._ready.discard(change.key.name)
        if len(self._ready) == self._count:
            self._all_ready.set()
