"""Workloads that come up a second after they change: what controllers, scheduler and kubelets do, in one write each.

A life of an operator needs Deployments that become ready, not pods that are placed and started; a thousand lives have
no time for these. Only where the operator looks at pods there are some (`fleets`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.batch import JOBS
from kubewright.api.core import PODS
from kubewright.api.drift import covers
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest, ObjectKey, Resource, rfc3339
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.harness.fleets import Fleets, digest_of
from kubewright.runtime.controller import Controller, Done, watch_own
from kubewright.runtime.informer import Informer
from kubewright.runtime.workqueue import WorkQueue

COMES_UP_SECONDS = 1.0
State: TypeAlias = Callable[[LiveObject, str], Manifest]
"""An object and the time -> its status once it is up."""


def _deployment(live: LiveObject, now: str) -> Manifest:
    wanted = live.spec.get("replicas", 1)
    conditions = [
        _condition("Available", "MinimumReplicasAvailable", now),
        _condition("Progressing", "NewReplicaSetAvailable", now),
    ]
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {**_seen(live), **dict.fromkeys(counts, wanted), "conditions": conditions}


def _stateful_set(live: LiveObject, now: str) -> Manifest:
    del now
    wanted, revision = live.spec.get("replicas", 1), f"{live.metadata.name}-{digest_of(live.spec['template'])}"
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "currentReplicas")
    revisions = {"currentRevision": revision, "updateRevision": revision}
    return {**_seen(live), **dict.fromkeys(counts, wanted), **revisions}


def _daemon_set(live: LiveObject, now: str) -> Manifest:
    del now
    counts = ("currentNumberScheduled", "desiredNumberScheduled", "numberAvailable", "numberReady")
    return {**_seen(live), **dict.fromkeys((*counts, "updatedNumberScheduled"), 1), "numberMisscheduled": 0}


def _job(live: LiveObject, now: str) -> Manifest:
    conditions = [_condition(kind, "CompletionsReached", now) for kind in ("SuccessCriteriaMet", "Complete")]
    succeeded = live.spec.get("completions", 1)
    return {"startTime": now, "completionTime": now, "succeeded": succeeded, "conditions": conditions}


def _pod(live: LiveObject, now: str) -> Manifest:
    del live
    return {"phase": "Running", "startTime": now, "conditions": [_condition("Ready", "", now)]}


def _seen(live: LiveObject) -> Manifest:
    return {"observedGeneration": live.metadata.generation}


def _condition(kind: str, reason: str, now: str) -> Manifest:
    return {"type": kind, "status": "True", "lastTransitionTime": now} | ({"reason": reason} if reason else {})


STATES: Mapping[Resource[LiveObject], State] = {
    live_resource(DEPLOYMENTS): _deployment,
    live_resource(STATEFUL_SETS): _stateful_set,
    live_resource(DAEMON_SETS): _daemon_set,
    live_resource(JOBS): _job,
    live_resource(PODS): _pod,
}


@dataclass(frozen=True, slots=True)
class _Kubelets:
    client: Client
    clock: Clock
    informer: Informer[LiveObject]
    state: State
    fit: Callable[[LiveObject], Awaitable[bool]] | None = None
    """What makes the pods, where these matter; False when the server does not take them."""

    async def reconcile(self, key: ObjectKey) -> Done:
        """Let one workload be up, a second after it was seen to be otherwise."""
        if self._missing(key) is None:
            return Done()
        await asyncio.sleep(COMES_UP_SECONDS)
        live, status = self.informer.index.get(key), self._missing(key)
        if live is None or status is None or (self.fit is not None and not await self.fit(live)):
            return Done()
        try:
            await self.client.patch(self.informer.resource, key, {"status": status}, subresource="status")
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
        return Done()

    def _missing(self, key: ObjectKey) -> Manifest | None:
        live = self.informer.index.get(key)
        if live is None or live.metadata.deletion_timestamp is not None:
            return None
        status = self.state(live, rfc3339(self.clock.now()))
        return None if covers(_timeless(live.status), _timeless(status)) else status


def _timeless(value: Any) -> Any:
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {name: _timeless(part) for name, part in fields.items() if not name.endswith("Time")}
    return [_timeless(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value


def workloads(client: Client, clock: Clock, kinds: frozenset[tuple[str, str]]) -> list[Informer[Any] | Controller[Any]]:
    """Return what lets workloads of these kinds (group and plural) come up, to be run."""
    running: list[Informer[Any] | Controller[Any]] = []
    fleets = Fleets(client, clock, _pod) if (PODS.group, PODS.plural) in kinds else None
    for resource, state in STATES.items():
        if (resource.group, resource.plural) in kinds:
            informer = Informer(client, resource)
            queue: WorkQueue[ObjectKey] = WorkQueue(resource.plural)
            watch_own(informer, queue)
            made = {DEPLOYMENTS.kind: fleets.fit, STATEFUL_SETS.kind: fleets.fit_stateful} if fleets else {}
            reconciler = _Kubelets(client, clock, informer, state, made.get(resource.kind))
            running += [informer, Controller(resource.plural, reconciler, queue, concurrency=8, informers=(informer,))]
    return running
