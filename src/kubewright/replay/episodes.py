"""Faults, bad releases and deliveries as the services themselves live through them, on twins of their own.

Nothing here is modelled: a drill is played by the platform (workloads and healing with the nodes' agents) or by the
stock controllers alone, on an API server with simulated kubelets. A day takes from it how long service was gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, cast

from kubewright.api.apiextensions import CRDS
from kubewright.api.conditions import is_true
from kubewright.api.core import NAMESPACES, PODS
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES
from kubewright.api.live import live_resource
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.app import Platform
from kubewright.client.protocol import Client, PatchType
from kubewright.clock import Clock, run_virtual
from kubewright.drills.catalogue import DRILLS
from kubewright.drills.staged import play
from kubewright.drills.themes import releases
from kubewright.twin.cluster import Twin
from kubewright.workloads.children import MANAGED_BY_LABEL, wanted
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS, kind_of

RARE = frozenset({"zone-down", "registry-away"})
"""Faults that a company sees a few times a year, not on a given day."""
NODE_DOWN = "node-down"
NODE_FAULTS = frozenset({"node-down", "node-down-stateful", "node-partitioned", "two-at-once"})
"""Faults in which the crowd loses a node, too."""
BAD_RELEASES = tuple(each.name for each in releases.DRILLS if not each.is_control and each.name not in RARE)
FAULTS = tuple(
    name for name, each in DRILLS.items() if not each.is_control and name not in RARE and name not in BAD_RELEASES
)
SPACE, DRAFT, PATIENCE_SECONDS, REPLICAS = "shop", "draft", 300.0, 4
DELIVERIES = 5
"""How long containers take to start differs from twin to twin by more than who brings them does."""


@dataclass(frozen=True, slots=True)
class Episode:
    """What came of a fault; times in seconds after it."""

    title: str
    hurt: bool
    restored: float | None
    escalated: float | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What it takes to bring an application and a new release of it; seconds in the twins' time, on average."""

    values: int
    first_seconds: float
    release_seconds: float


def episodes(names: Iterable[str], *, healed: bool, seed: int) -> dict[str, Episode]:
    """Play each drill once; raises OpError and TimeoutError. Not to be called on a loop that runs."""
    found: dict[str, Episode] = {}
    for name in sorted(set(names)):
        outcome = play(DRILLS[name], healed=healed, seed=seed)
        found[name] = Episode(DRILLS[name].title, outcome.hurt, outcome.restored, outcome.escalated)
    return found


APPLICATION: Manifest = {
    "apiVersion": "app.example.com/v1",
    "kind": "AppService",
    "metadata": {"name": "web"},
    "spec": {
        "image": "shop/web:1",
        "team": "shop",
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        "probes": {"readiness": {"http": {"path": "/ready"}}},
        "expose": {"host": "web.example.com", "ingressClass": "nginx"},
        "access": {"to": [{"app": "catalogue", "ports": [8080]}]},
        "scaling": {"min": REPLICAS, "max": 12},
        "availability": {},
    },
}
"""What a team writes of a usual web service: the raw manifests beside it are what the platform makes of it."""


def deliver(*, ours: bool, seed: int) -> Delivery:
    """Bring it on each of several twins, then a new image, and wait each time until all pods are of it and ready."""
    found = [_delivered(ours=ours, seed=seed * DELIVERIES + number) for number in range(DELIVERIES)]
    first, second = (round(fmean(times), 2) for times in zip(*(each[1:] for each in found), strict=True))
    return Delivery(found[0][0], first, second)


def _delivered(*, ours: bool, seed: int) -> tuple[int, float, float]:
    async def day() -> tuple[int, float, float]:
        clock = Clock.virtual()
        async with Twin(clock, nodes=3, seed=seed) as twin, asyncio.TaskGroup() as tasks:
            client = twin.client()
            running: asyncio.Task[None] | None = None
            if ours:
                platform = Platform(client, clock)
                running = tasks.create_task(platform.run())
                while not platform.ready:  # noqa: ASYNC110  virtual time
                    await asyncio.sleep(0.1)
            await client.create(NAMESPACES, {"metadata": {"name": SPACE}})
            made = [APPLICATION] if ours else await _manifests(client)
            released = live_resource(APP_SERVICES) if ours else CHILD_DEPLOYMENTS
            begun = clock.now()
            for each in made:
                await client.create(released if ours else kind_of(each), each, namespace=SPACE)
            first = await _ready(client, clock, begun, "shop/web:1", ours=ours)
            path = "/spec/image" if ours else "/spec/template/spec/containers/0/image"
            change = [{"op": "replace", "path": path, "value": "shop/web:2"}]
            begun = clock.now()
            await client.patch(released, ObjectKey(SPACE, "web"), change, PatchType.JSON)
            second = await _ready(client, clock, begun, "shop/web:2", ours=ours)
            if running is not None:
                running.cancel()
        return sum(map(leaves, made)), first, second

    return run_virtual(day())


async def _ready(client: Client, clock: Clock, begun: float, image: str, *, ours: bool) -> float:
    """Wait until it is all of this image and ready, and return how long that took; raises TimeoutError."""
    key = ObjectKey(SPACE, "web")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await _is_ready(client, key, image, ours=ours):  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0.1)
    return round(clock.now() - begun, 1)


async def _is_ready(client: Client, key: ObjectKey, image: str, *, ours: bool) -> bool:
    if ours:
        app = await client.get(APP_SERVICES, key)
        seen = app.status.observed_generation == app.metadata.generation
        if not (seen and is_true(app.status.conditions, "Ready")):
            return False
    pods = [each for each in (await client.list(PODS, namespace=SPACE)).items if not each.is_terminating]
    return len(pods) >= REPLICAS and all(each.is_ready and each.spec.containers[0].image == image for each in pods)


async def _manifests(client: Client) -> list[Manifest]:
    """Return what the platform would make of the application, as a person would write it who forgets nothing."""
    await client.create(CRDS, APP_SERVICE_CRD)
    await client.create(NAMESPACES, {"metadata": {"name": DRAFT}})
    app = await client.create(APP_SERVICES, APPLICATION, namespace=DRAFT)
    return [_written(child.manifest) for child in wanted(app)]


def _written(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    kept = {name: value for name, value in metadata.get("labels", {}).items() if name != MANAGED_BY_LABEL}
    return {**manifest, "metadata": {"name": metadata["name"], "labels": kept}}


def leaves(document: Any) -> int:
    """Count the values that somebody types: not the names of fields, nor what says of which kind an object is."""
    if isinstance(document, Mapping):
        fields = cast("Mapping[str, Any]", document)
        head = {"apiVersion", "kind"} if "apiVersion" in fields else set[str]()
        return sum(leaves(value) for name, value in fields.items() if name not in head)
    if isinstance(document, list | tuple):
        return sum(map(leaves, cast("Sequence[Any]", document)))
    return 1
