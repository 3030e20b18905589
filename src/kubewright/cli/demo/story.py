"""The demo's course: the shop comes up, then one fault after the other, each timed until it is mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.meta import Manifest
from kubewright.cli.demo.faults import FAULTS, SOMEBODY, Fault
from kubewright.cli.demo.surge import Surge
from kubewright.cli.demo.world import NAMESPACE, World, until
from kubewright.runtime.pool import WorkerPool

MEND_SECONDS = 60.0
"""How long a fault may take to be mended before the demo goes on without it."""


@dataclass(slots=True)
class Episode:
    """One fault as it went."""

    fault: Fault
    at_seconds: float
    mended_after_seconds: float | None = None
    done: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Story:
    """What has happened so far; the view shows it, and `--json` prints it."""

    world: World
    surge: Surge
    up_after_seconds: float | None = None
    episodes: list[Episode] = field(default_factory=list[Episode])
    on_change: Callable[[], None] = lambda: None

    async def tell(self, pause_seconds: float) -> None:
        """Bring the shop up, then break something every `pause_seconds` until there is nothing left to break."""
        started_at = _now()
        await self._bring_up()
        self.up_after_seconds = _now() - started_at
        self.on_change()
        for fault in FAULTS:
            await asyncio.sleep(pause_seconds)
            await self._episode(fault, started_at)

    async def _bring_up(self) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        await self.world.client.create(NAMESPACES, namespace, field_manager=SOMEBODY)
        manifests = shop()
        pool = WorkerPool(self._create, workers=4)
        async with pool.run((manifest["metadata"]["name"], manifest) for manifest in manifests) as results:
            async for result in results:
                result.value()
        await until(lambda: len(self.world.apps.index) == len(manifests) and self.world.all_ready())

    async def _create(self, manifest: Manifest) -> AppService:
        return await self.world.client.create(APP_SERVICES, manifest, namespace=NAMESPACE, field_manager=SOMEBODY)

    async def _episode(self, fault: Fault, started_at: float) -> None:
        before = set(self.world.announcements(fault.app))
        broken_at = _now()
        episode = Episode(fault, broken_at - started_at)
        self.episodes.append(episode)
        mended = await fault.break_it(self.world)
        self.on_change()
        try:
            async with asyncio.timeout(MEND_SECONDS):
                await until(mended)
        except TimeoutError:
            return
        episode.mended_after_seconds = _now() - broken_at
        # The platform writes its events a moment after it has acted.
        await asyncio.sleep(0.3)
        episode.done = [said for said in self.world.announcements(fault.app) if said not in before]
        self.on_change()

    def summary(self) -> dict[str, Any]:
        """Return the story as plain data."""
        apps = sorted(self.world.apps.index.values(), key=lambda app: app.key)
        return {
            "nodes": len(self.world.nodes.index),
            "pods": len(self.world.pods.index),
            "upAfterSeconds": _rounded(self.up_after_seconds),
            "allReady": self.all_well(),
            "appServices": [
                {
                    "name": app.metadata.name,
                    "ready": self.world.is_ready(app.metadata.name),
                    "readyReplicas": app.status.ready_replicas,
                    "replicas": app.spec.replicas,
                }
                for app in apps
            ],
            "faults": [
                {
                    "fault": episode.fault.title,
                    "atSeconds": _rounded(episode.at_seconds),
                    "mendedAfterSeconds": _rounded(episode.mended_after_seconds),
                    "done": episode.done,
                }
                for episode in self.episodes
            ],
            "scaling": self.surge.summary(),
        }

    def all_well(self) -> bool:
        """Whether every application is ready and every fault was mended."""
        return self.world.all_ready() and all(episode.mended_after_seconds is not None for episode in self.episodes)


def shop() -> list[Manifest]:
    """Return the AppServices of the example shop."""
    text = files("kubewright.cli.demo").joinpath("shop.yaml").read_text()
    return list(yaml.safe_load_all(text))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
