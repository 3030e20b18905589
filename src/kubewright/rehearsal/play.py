"""Lets a twin of the cluster live through a release, and says what became of it and of the application's children."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kubewright.api.conditions import READY, STALLED, find_condition, is_true
from kubewright.api.core import PODS
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.appservice.rolloutstatus import ROLLED_BACK
from kubewright.api.drift import FINGERPRINT
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.events import EventRecorder
from kubewright.store.versioned import VersionedStore
from kubewright.twin.cluster import Twin
from kubewright.workloads.children import NAME_LABEL
from kubewright.workloads.children.identity import suffixed
from kubewright.workloads.controller import app_services
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS, CHILD_KINDS
from kubewright.workloads.rollout.releases import RELEASE_LABEL
from kubewright.workloads.rollout.stage import TRIAL_SUFFIX
from kubewright.workloads.troubles import APP_PODS, Trouble, of_creation, of_pod, worst

PATIENCE_SECONDS = 120.0
"""Virtual time: how long nothing may move on before a release counts as stuck."""
MOST_SECONDS = 1800.0
"""Virtual time: how long it may take at all."""
_POLL_SECONDS = 1.0

Children = Mapping[tuple[str, str], str]
"""Fingerprints of an application's children, by kind and name."""


@dataclass(frozen=True, slots=True)
class Played:
    """How a release went."""

    trouble: str
    """Why it did not arrive; empty if it did."""
    pods: int
    """How many pods run it."""
    before: Children
    after: Children


async def play(store: VersionedStore, key: ObjectKey, now: float) -> Played:
    """Live on a twin of this store until the application's release has arrived or is stuck; on a virtual loop."""
    clock = Clock(now)
    async with Twin.loaded(clock, store) as twin, asyncio.TaskGroup() as tasks:
        client = twin.client()
        recorder = EventRecorder(client, clock, "kubewright-rehearsal")
        operator = app_services(client, clock, recorder)
        before = await _children(client, key)
        running = [tasks.create_task(recorder.run()), tasks.create_task(operator.run())]
        trouble, pods = await _watched(client, clock, key)
        played = Played(trouble, pods, before, await _children(client, key))
        for task in running:
            task.cancel()
    return played


async def _watched(client: Client, clock: Clock, key: ObjectKey) -> tuple[str, int]:
    """Watch the release; return why it is stuck, if it is, and how many pods run it."""
    began = moved = clock.now()
    seen: object = None
    trouble = ""
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        app = await client.get(APP_SERVICES, key)
        state, present = app.status.rollout, app.status.observed_generation == app.metadata.generation
        ready = await _ready_pods(client, app)
        if present and is_true(app.status.conditions, READY) and (state is None or state.phase != ROLLED_BACK):
            return "", ready
        if state is not None and state.phase == ROLLED_BACK:
            return trouble or f"{state.reason}: {state.message}", ready
        trouble = await _trouble(client, app) or trouble
        standing = (state and (state.phase, state.step, state.release), ready)
        if standing != seen:
            seen, moved, trouble = standing, clock.now(), ""
        if clock.now() - moved >= PATIENCE_SECONDS or clock.now() - began >= MOST_SECONDS:
            return trouble or _said(app), ready


async def _ready_pods(client: Client, app: AppService) -> int:
    """Return how many ready pods the wanted release has."""
    state = app.status.rollout
    if state is None:
        return app.status.ready_replicas
    selector = f"{NAME_LABEL}={app.metadata.name},{RELEASE_LABEL}={state.release}"
    pods = await client.list(PODS, namespace=app.metadata.namespace, label_selector=selector)
    return sum(pod.is_ready and not pod.is_terminating for pod in pods.items)


async def _trouble(client: Client, app: AppService) -> str:
    """Return what keeps pods from coming up, as the AppService itself would say it."""
    selector = f"{NAME_LABEL}={app.metadata.name}"
    pods = await client.list(APP_PODS, namespace=app.metadata.namespace, label_selector=selector)
    fleets = await client.list(CHILD_DEPLOYMENTS, namespace=app.metadata.namespace, label_selector=selector)
    found = [trouble for pod in pods.items if (trouble := of_pod(pod)) is not None]
    found += [trouble for each in fleets.items for trouble in _refusals(each)]
    trouble = worst(found)
    return f"{trouble.reason}: {trouble.message}" if trouble is not None else ""


def _refusals(fleet: LiveObject) -> Iterator[Trouble]:
    for condition in fleet.status.get("conditions", ()):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield of_creation(condition.get("message", ""))


def _said(app: AppService) -> str:
    """Return what the application says of itself."""
    kind = STALLED if is_true(app.status.conditions, STALLED) else READY
    condition = find_condition(app.status.conditions, kind)
    return f"{condition.reason}: {condition.message}" if condition is not None else "nothing came of it"


async def _children(client: Client, key: ObjectKey) -> Children:
    """Return the application's children, but for those that are there during a release alone."""
    found: dict[tuple[str, str], str] = {}
    trial = suffixed(key.name, TRIAL_SUFFIX)
    for kind in CHILD_KINDS:
        try:
            listing = await client.list(kind, namespace=key.namespace, label_selector=f"{NAME_LABEL}={key.name}")
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            continue
        for live in listing.items:
            if FINGERPRINT in live.metadata.annotations and live.metadata.name != trial:
                found[kind.kind, live.metadata.name] = live.metadata.annotations[FINGERPRINT]
    return found
