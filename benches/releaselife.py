"""One release lived through on a twin under virtual time: by the platform, or by a stock Deployment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from benches.releasecases import NEW, OLD, USUAL, Case
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import find_condition
from kubewright.api.core import PODS, Pod
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource, parse_time
from kubewright.app import Platform
from kubewright.client.protocol import EventType
from kubewright.clock import Clock, run_virtual
from kubewright.errors import OpError
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS
from kubewright.twin.nodes import NodeShape
from kubewright.workloads.children import deployment

KEY = ObjectKey("default", "web")
PREFIX = "twin.kubewright.dev/"
HORIZON_SECONDS = 900.0
LOOK_SECONDS = 2.0
SLOW_SECONDS = 0.25
_KINDS: dict[str, Resource[Any]] = {
    kind: Resource("", "v1", plural, kind, PartialObject)
    for kind, plural in (("Secret", "secrets"), ("ResourceQuota", "resourcequotas"))
}
_KINDS["Fault"] = FAULTS
SPEC: Manifest = {
    "image": OLD,
    "replicas": 4,
    "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
    "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
    "slo": {"availability": 99.9, "latency": {"milliseconds": 250, "percent": 99}},
    "rollout": {"strategy": "canary", "deadlineSeconds": 180},
}


@dataclass(slots=True)
class Outcome:
    """What became of a release; times in seconds since it was made."""

    case: Case
    requests: float = 0.0
    hurt: float = 0.0
    """Requests that failed or took longer than a quarter of a second."""
    evidence_at: float | None = None
    """When something was wrong for the first time."""
    decided_at: float | None = None
    undone_at: float | None = None
    """When no pod of it was left."""
    noticed_at: float | None = None
    """When a stock Deployment said that it makes no progress."""
    why: str = ""
    runs_new: bool = False
    """At the end: whether all pods that are ready are of the new release."""

    @property
    def hurt_share(self) -> float:
        """Return the share of requests that were hurt."""
        return self.hurt / self.requests if self.requests else 0.0


@dataclass(slots=True)
class Meter:
    """Adds up what users got, from the counters of each run of a container."""

    twin: Twin
    known: dict[tuple[str, float], tuple[float, float]] = field(default_factory=dict[tuple[str, float], Any])

    def read(self, pods: list[Pod]) -> tuple[float, float]:
        """Return the requests since the last reading, and how many of them were hurt."""
        requests = hurt = 0.0
        for pod in pods:
            for reading in self.twin.exporters.ledger.readings(pod):
                if reading.served is None:
                    continue
                served = reading.served
                slow = served.requests - served.buckets[5]
                now = (served.requests, max(served.failed, slow))
                before = self.known.get((pod.metadata.uid, reading.started_at), (0.0, 0.0))
                self.known[pod.metadata.uid, reading.started_at] = now
                requests, hurt = requests + now[0] - before[0], hurt + now[1] - before[1]
        return requests, hurt


def live(case: Case, *, ours: bool, seed: int) -> Outcome:
    """Live through one release."""

    async def day() -> Outcome:
        clock = Clock.virtual()
        async with Twin(clock, nodes=3, seed=seed, shape=NodeShape(cpu="8")) as twin, asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(_act(twin, case))]
            if ours:
                platform = Platform(twin.client(), clock, source=twin.exporters.measurements)
                background.append(tasks.create_task(platform.run()))
            found = await _release(twin, case, ours=ours)
            for task in background:
                task.cancel()
            return found

    return run_virtual(day())


async def _release(twin: Twin, case: Case, *, ours: bool) -> Outcome:
    await asyncio.sleep(2)
    await _make(twin, SPEC, ours=ours)
    await asyncio.sleep(60)
    for each in (*case.objects, *case.faults):
        await _create(twin, each)
    meter, found, start = Meter(twin), Outcome(case), twin.clock.now()
    meter.read(await _pods(twin))
    await _make(twin, {**SPEC, "image": NEW, **case.spec}, ours=ours)
    while twin.clock.now() - start < HORIZON_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        at = twin.clock.now() - start
        if case.later is not None and case.later[0] <= at < case.later[0] + LOOK_SECONDS:
            await _create(twin, case.later[1])
        await _note(twin, found, meter, at, ours=ours)
    ready = [pod for pod in await _pods(twin) if pod.is_ready]
    found.runs_new = bool(ready) and all(_is_new(pod) for pod in ready)
    return found


async def _create(twin: Twin, manifest: Mapping[str, Any]) -> None:
    kind = _KINDS[manifest["kind"]]
    await twin.client().create(kind, dict(manifest), namespace="default" if kind.namespaced else "")


async def _note(twin: Twin, found: Outcome, meter: Meter, at: float, *, ours: bool) -> None:
    pods = await _pods(twin)
    new = [pod for pod in pods if _is_new(pod)]
    old = [pod for pod in pods if not _is_new(pod)]
    _, hurt_by_new = new_figures = meter.read(new)
    old_figures = meter.read(old)
    found.requests += new_figures[0] + old_figures[0]
    found.hurt += new_figures[1] + old_figures[1]
    main = await twin.client().get(DEPLOYMENTS, KEY)
    refused = find_condition(main.status.conditions, "ReplicaFailure")
    wrong = hurt_by_new > 0.02 * new_figures[0] or any(_looks_wrong(pod, twin.clock.now()) for pod in new)
    if found.evidence_at is None and (wrong or (refused is not None and refused.is_true)):
        found.evidence_at = at
    progress = find_condition(main.status.conditions, "Progressing")
    if found.noticed_at is None and progress is not None and progress.reason == "ProgressDeadlineExceeded":
        found.noticed_at = at
    if not ours:
        return
    state = (await twin.client().get(APP_SERVICES, KEY)).status.rollout
    if state is None or state.phase != "RolledBack":
        return
    if found.decided_at is None:
        found.decided_at, found.why = at, state.reason
    living = [pod for pod in new if not pod.is_terminating]
    if found.undone_at is None and not living:
        found.undone_at = at


def _looks_wrong(pod: Pod, now: float) -> bool:
    """Whether somebody who looks at the pod would say that something is wrong with it."""
    created = parse_time(pod.metadata.creation_timestamp or "")
    scheduled = find_condition(pod.status.conditions, "PodScheduled")
    statuses = pod.status.container_statuses
    waits = any(
        each.state.waiting is not None and each.state.waiting.reason not in {"ContainerCreating", "PodInitializing", ""}
        for each in statuses
    )
    unplaced = scheduled is not None and scheduled.status == "False"
    late = not pod.is_ready and now - created > 30
    return not pod.is_terminating and (waits or unplaced or late or pod.restart_count > 0)


async def _make(twin: Twin, spec: Manifest, *, ours: bool) -> None:
    document: Manifest = {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}
    client = twin.client()
    if ours:
        head = {"apiVersion": APP_SERVICES.api_version, "kind": APP_SERVICES.kind}
        await client.apply(APP_SERVICES, {**head, **document}, field_manager="team")
        return
    manifest = deployment(msgspec.convert(document, AppService))
    for name in ("strategy", "progressDeadlineSeconds", "revisionHistoryLimit"):
        manifest["spec"].pop(name, None)
    manifest["spec"]["template"]["spec"].pop("serviceAccountName", None)
    await client.apply(DEPLOYMENTS, manifest, field_manager="team")


async def _pods(twin: Twin) -> list[Pod]:
    listing = await twin.client().list(PODS, namespace="default", label_selector="app.example.com/name=web")
    return list(listing.items)


def _is_new(pod: Pod) -> bool:
    return pod.spec.containers[0].image == NEW


async def _act(twin: Twin, case: Case) -> None:
    """Let pods act by their image from the moment that they are there."""
    client = twin.client()
    async for event in client.watch(PODS, namespace="default"):
        pod = event.obj
        if event.type is not EventType.ADDED or pod is None:
            continue
        profile: Mapping[str, str] = {**USUAL, **case.around, **(case.acts if _is_new(pod) else {})}
        annotations = {f"{PREFIX}{name}": value for name, value in profile.items()}
        with contextlib.suppress(OpError):  # it may be gone already
            await client.patch(PODS, pod.key, {"metadata": {"annotations": annotations}})
