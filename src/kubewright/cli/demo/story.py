"""The demo's course: the shop comes up, then one fault after the other, each timed until it is mended.

The first are mended by the controllers whose objects they hit; of the last the healer finds out what they are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.incident import Incident
from kubewright.api.meta import Manifest
from kubewright.cli.demo.ailments import AILMENTS, deploy_patients
from kubewright.cli.demo.faults import FAULTS, SOMEBODY, Fault
from kubewright.cli.demo.surge import Surge
from kubewright.cli.demo.timeline import Step, timeline
from kubewright.cli.demo.world import NAMESPACE, World, until
from kubewright.runtime.pool import WorkerPool

MEND_SECONDS = 60.0
HEAL_SECONDS = 300.0
"""How long a fault may take to be mended before the demo goes on without it: by a controller, by the healer."""
COURSE = (*FAULTS, *AILMENTS)


@dataclass(slots=True)
class Episode:
    """One fault as it went."""

    fault: Fault
    at_seconds: float
    broken_at: float
    """In seconds since 1970."""
    mended_after_seconds: float | None = None
    done: list[str] = field(default_factory=list[str])
    incident: Incident | None = None
    """What the healer says of it, so far."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """What the healer has found out and done so far."""
        return () if self.incident is None else timeline(self.incident, self.broken_at)


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
        await deploy_patients(self.world)
        for fault in COURSE:
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
        episode = Episode(fault, broken_at - started_at, self.world.clock.now())
        self.episodes.append(episode)
        mended = await fault.break_it(self.world)
        self.on_change()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAL_SECONDS if fault.causes else MEND_SECONDS):
                await until(lambda: self._is_over(episode) and mended())
            episode.mended_after_seconds = _now() - broken_at
        # The platform writes its events a moment after it has acted.
        await asyncio.sleep(0.3)
        if not fault.causes:
            episode.done = [said for said in self.world.announcements(fault.app) if said not in before]
        if fault.tidy is not None:
            await fault.tidy(self.world)
        self.on_change()

    def _is_over(self, episode: Episode) -> bool:
        """Tell whether the healer says so, where it is the healer that mends."""
        causes = episode.fault.causes
        episode.incident = self.world.incident(causes, episode.broken_at)
        return not causes or (episode.incident is not None and episode.incident.status.is_over)

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
                    "done": episode.done or [step.text for step in episode.steps if step.name == "action"],
                    **({"timeline": [step.written() for step in episode.steps]} if episode.fault.causes else {}),
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
