"""Plays a drill on a cluster: makes what is usual, breaks something, and notes when what was done about it."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from kubewright.api.core import Pod
from kubewright.api.crds.healingpolicy import HEALING_POLICIES
from kubewright.api.crds.incident import AWAITING, ESCALATED, INCIDENTS, RESOLVED, Incident
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest, ObjectKey, Resource, manifest_key
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.disruption.drain import must_leave
from kubewright.drills.drill import Drill, Outcome, Step
from kubewright.drills.making import FAULT, serves
from kubewright.drills.usual import API, DB, NOWHERE, PERMISSION, TRAIN, WEB, usual
from kubewright.drills.view import View
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Informer
from kubewright.runtime.plans import evict
from kubewright.twin.faults.fault import FAULTS
from kubewright.twin.kinds import KindTable

SOMEBODY = "drill"
_STATES = frozenset({"NodeSuspect", "NodeHeld", "NodeAwaitsRepair", "GpuAwaitsRepair"})
"""What Incidents say on the way to a cause, and after it; they name none."""
_LOOK_SECONDS = 0.5
_UP_SECONDS = 300.0
_STEADY_SECONDS = 20.0
"""Service that is back for so long is back for good."""
_NOTHING_FOLLOWS_SECONDS = 60.0
"""On a real cluster: so long after a person was told nobody waits for more."""
_QUIET_SECONDS = 75.0
"""So long after all is up before something is broken: whoever watches has seen enough by then to judge."""


@dataclass(slots=True)
class Stage:
    """A cluster on which drills are played, and what is seen of it."""

    client: Client
    clock: Clock
    gpus: bool = False
    written: Sequence[str] | None = None
    """What the platform writes, as it does (`Ledger.written`); None where nobody notes it."""
    image: str = ""
    """On a cluster whose kubelets are real: what its pods run."""
    kinds: KindTable = field(default_factory=KindTable.builtin)

    async def play(self, drill: Drill, *, healed: bool = True) -> Outcome:
        """Play one drill; `healed` is whether there is somebody who writes Incidents. Raises OpError, TimeoutError."""
        view = View.of(self.client, faults=not self.image)
        incidents = Informer(self.client, INCIDENTS) if healed else None
        informers: list[Informer[Any]] = [*view.informers(), *([incidents] if incidents is not None else [])]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each.run()) for each in informers]
            try:
                await self._set_up(drill, view)
                return await self._played(drill, view, incidents)
            finally:
                for task in running:
                    task.cancel()

    async def permit(self) -> None:
        """Let the platform act on whatever it finds, once it has made the kind: without a policy it only looks on."""
        async with asyncio.timeout(_UP_SECONDS):
            while True:
                try:
                    await self.client.apply(HEALING_POLICIES, PERMISSION, field_manager=SOMEBODY)
                except OpError as error:
                    if error.kind is not ErrorKind.NOT_FOUND:
                        raise
                    await asyncio.sleep(_LOOK_SECONDS)
                else:
                    return

    async def _set_up(self, drill: Drill, view: View) -> None:
        apps = (WEB, API) if self.image else (WEB, API, DB)
        for manifest in (*usual(volumes=not self.image, gpus=self.gpus), *drill.before):
            await self._do(Step("create", manifest), view)
        up = serves(*apps)
        async with asyncio.timeout(_UP_SECONDS):
            while not (view.synced and up(view) and (not self.gpus or view.running(TRAIN))):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.sleep(_QUIET_SECONDS)

    async def _played(self, drill: Drill, view: View, incidents: Informer[Incident] | None) -> Outcome:
        found, start, known = Outcome(drill), self.clock.now(), len(self.written or ())
        for step in drill.steps:
            await self._do(step, view)
        well_since: float | None = None
        is_lifted = False
        while self.clock.now() - start < drill.lasts_seconds:
            await asyncio.sleep(_LOOK_SECONDS)
            at = self.clock.now() - start
            for incident in incidents.index.values() if incidents is not None else ():
                _note(found, incident, at)
            if drill.lifted is not None and not is_lifted and drill.lifted(view):
                is_lifted = True
                await self.client.delete(FAULTS, ObjectKey("", FAULT))
            found.well = drill.back(view)
            found.hurt |= not found.well
            well_since = (at if well_since is None else well_since) if found.well else None
            if self._is_over(found, at, well_since, healed=incidents is not None):
                break
        found.restored = well_since if found.hurt else None
        found.actions = [] if self.written is None else list(self.written[known:])
        found.strangers = {each for each in found.actions if not _may_touch(drill, each)}
        return found

    def _is_over(self, found: Outcome, at: float, well_since: float | None, *, healed: bool) -> bool:
        if self.image and found.escalated is not None and at - found.escalated >= _NOTHING_FOLLOWS_SECONDS:
            return True
        if found.drill.is_control or well_since is None or at - well_since < _STEADY_SECONDS:
            return False
        if not healed:
            return found.hurt  # stock controllers notice late: what was well so far may be hurt yet
        return found.verified is not None or found.escalated is not None

    async def _do(self, step: Step, view: View) -> None:
        if step.after_seconds:
            await asyncio.sleep(step.after_seconds)
        manifest = step.manifest(view) if callable(step.manifest) else step.manifest
        if self.image:
            manifest = _with_image(manifest, self.image)
        resource, key = self._resource(manifest), manifest_key(manifest)
        match step.verb:
            case "create":
                await self.client.apply(resource, manifest, field_manager=SOMEBODY)
            case "patch":
                changes = {name: value for name, value in manifest.items() if name not in {"apiVersion", "kind"}}
                await self.client.patch(resource, key, changes, field_manager=SOMEBODY)
            case "delete":
                await self.client.delete(resource, key)
            case "drain":
                await self.client.patch(resource, key, {"spec": {"unschedulable": True}}, field_manager=SOMEBODY)
                for pod in must_leave(each for each in view.pods.index.values() if each.spec.node_name == key.name):
                    await self._evict(pod)

    async def _evict(self, pod: Pod) -> None:
        try:
            await evict(self.client, pod.key)
        except OpError as error:
            if error.kind is not ErrorKind.EXHAUSTED:  # a budget's answer
                raise

    def _resource(self, manifest: Manifest) -> Resource[LiveObject]:
        api_version, kind = manifest["apiVersion"], manifest["kind"]
        if (api_version, kind) == (FAULTS.api_version, FAULTS.kind):
            return live_resource(FAULTS)
        info = self.kinds.by_kind(api_version, kind)
        if info is None:
            raise OpError("drill", ErrorKind.INVALID, kind, f"there is no kind {kind} in {api_version}")
        return info.resource(LiveObject)


def _with_image(part: Any, image: str) -> Any:
    """Return a manifest whose containers run an image that there is, but for those that are to have none."""
    if isinstance(part, list):
        return [_with_image(each, image) for each in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    found = {name: _with_image(value, image) for name, value in cast("dict[str, Any]", part).items()}
    own = found.get("image")
    return found | {"image": image} if isinstance(own, str) and own != NOWHERE else found


def _may_touch(drill: Drill, target: str) -> bool:
    return not drill.is_control and any(fnmatch.fnmatchcase(target, each) for each in drill.touches)


def _note(found: Outcome, incident: Incident, at: float) -> None:
    """Note what an incident says for the first time."""
    status, cause = incident.status, incident.spec.cause
    found.detected = at if found.detected is None else found.detected
    if cause in found.drill.causes:
        found.diagnosed = at if found.diagnosed is None else found.diagnosed
    elif cause not in _STATES:
        found.wrong.add(cause)
    if status.times.acted and found.acted is None:
        found.acted = at
    if status.phase == RESOLVED and cause in found.drill.causes and found.verified is None:
        found.verified = at
    if status.phase in {AWAITING, ESCALATED} and found.escalated is None:
        found.escalated = at
