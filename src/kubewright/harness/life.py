"""One life: a world forked, the operator started, the user's steps, the fault, five minutes, and a look at the end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.harness.faults import SPEC_HARMS, STALE_SECONDS, Fault, Harm
from kubewright.harness.snapshot import OTHER, Snapshot, take
from kubewright.harness.stages import Stage, Step, take_step
from kubewright.harness.subject import Subject
from kubewright.harness.wire import Log, Wire
from kubewright.harness.world import Kinds, client_of, living, resource_for
from kubewright.store.versioned import Bucket, Change
from kubewright.twin.routes import Route
from kubewright.twin.server import ApiServer

STARTS_SECONDS = 2.0
RESTARTS_SECONDS = 1.0
IDLE_SECONDS = 60.0
_LATER_SECONDS = 3600.0
_UNDISTURBED = Fault()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one life came to."""

    log: Log
    final: Snapshot
    changes: list[Change] = field(default_factory=list[Change])
    """Everything that was stored since the user acted, in order."""
    writes_when_idle: int = 0
    died: str = ""
    """The exception that ended the operator by itself."""
    refused: OpError | None = None
    """What the server refused of the user's own steps."""
    marks: tuple[str, ...] = ()
    """Objects on which somebody else's annotation was there and is not any more."""
    server: ApiServer | None = None
    """The world as it was left, for the next stage to start from."""


async def live(subject: Subject, stage: Stage, fault: Fault, kinds: Kinds, other_spec: Step | None = None) -> Outcome:
    """Live one life; call it on a loop of its own under virtual time."""
    server = stage.prepared.fork(_clock_after(stage.prepared))
    server.hub.bookmark_seconds = math.inf  # a watch that ends resumes from its last event, or lists anew
    life = _Life(subject, stage, fault, server, other_spec)
    async with living(server, kinds):
        return await life.run()


def _clock_after(prepared: ApiServer) -> Clock:
    """Return the clock of a life that begins an hour after another began: its loop's time is 0 again."""
    return Clock(prepared.clock.epoch_seconds + _LATER_SECONDS)


class _Life:
    def __init__(
        self, subject: Subject, stage: Stage, fault: Fault, server: ApiServer, other_spec: Step | None
    ) -> None:
        self._subject = subject
        self._stage = stage
        self._fault = fault
        self._server = server
        self._other_spec = other_spec
        self._user = client_of(server)
        self._log = Log()
        self._died = ""
        self._marked: list[tuple[Bucket, ObjectKey, str, str]] = []

    async def run(self) -> Outcome:
        """Live it."""
        refused: OpError | None = None
        async with asyncio.TaskGroup() as tasks:
            incarnations = tasks.create_task(self._incarnations(tasks))
            await asyncio.sleep(STARTS_SECONDS)
            self._log.acting = True
            changes, unfollow = self._follow()
            try:
                for step in self._stage.steps:
                    await take_step(self._user, step)
            except OpError as error:
                refused = error
            if refused is None:
                await asyncio.sleep(self._subject.settles_seconds)
            final, settled = take(self._server, self._subject.ignored), len(self._log.writes)
            if refused is None:
                await asyncio.sleep(IDLE_SECONDS)
            incarnations.cancel()
        unfollow()
        return Outcome(
            self._log,
            final,
            changes,
            len(self._log.writes) - settled,
            self._died,
            refused,
            tuple(self._lost_marks()),
            self._server,
        )

    async def _incarnations(self, tasks: asyncio.TaskGroup) -> None:
        """Run the operator, and after it was killed or died the next one."""
        log = self._log
        wire = Wire(self._server, log, self._fault, interfere=self._interfere, own=self._own_plural())
        while not log.runaway:
            running = tasks.create_task(self._operator(RestClient(wire)))
            killed = tasks.create_task(log.killed.wait())
            try:
                await asyncio.wait((running, killed), return_when=asyncio.FIRST_COMPLETED)
            finally:
                running.cancel()
                killed.cancel()
            if log.runaway:
                return
            log.killed.clear()
            await asyncio.sleep(RESTARTS_SECONDS)
            wire = Wire(self._server, log, _UNDISTURBED, stale=self._stale())
            tasks.create_task(self._afterwards(wire))

    def _own_plural(self) -> str:
        sample = self._subject.sample
        return resource_for(self._server, sample).plural

    def _stale(self) -> ApiServer | None:
        """Return the server that the next incarnation reads from at first."""
        if self._fault.harm is Harm.TIME_TRAVEL:
            return self._stage.prepared.fork(self._server.clock)
        return self._log.stale

    async def _afterwards(self, wire: Wire) -> None:
        await asyncio.sleep(STALE_SECONDS)
        wire.catch_up()
        await wire.deliver_late()

    async def _operator(self, client: Client) -> None:
        try:
            await self._subject.run(client, self._server.clock)
        except Exception as error:  # noqa: BLE001  whatever ends it is what is looked for
            self._died = self._died or repr(error)

    async def _interfere(self, harm: Harm, route: Route) -> bool:
        """Let somebody else write just now; return whether there was something to write to."""
        if harm in SPEC_HARMS:
            if self._other_spec is None:
                return False
            await take_step(self._user, self._other_spec)
            return True
        kind = self._server.kinds.lookup(route.group, route.version, route.plural)
        if kind is None or not route.name:
            return False
        if harm is Harm.OTHER_FINALIZER and kind.kind != self._subject.sample["kind"]:
            return False
        key = ObjectKey(route.namespace, route.name)
        record = self._server.store.get((route.group, route.plural), key)
        if record is None:
            return False
        resource = resource_for(self._server, {"apiVersion": kind.api_version, "kind": kind.kind})
        metadata: Manifest = {"annotations": {OTHER: "kept"}}
        if harm is Harm.OTHER_FINALIZER:
            metadata["finalizers"] = [*(record.obj["metadata"].get("finalizers") or []), OTHER]
        await self._user.patch(resource, key, {"metadata": metadata}, field_manager="other")
        part = "finalizers" if harm is Harm.OTHER_FINALIZER else "annotations"
        self._marked.append(((route.group, route.plural), key, record.obj["metadata"]["uid"], part))
        return True

    def _lost_marks(self) -> list[str]:
        noted = self._stage.marked
        found = [((group, plural), ObjectKey(place, name), "", "annotations") for group, plural, place, name in noted]
        lost: list[str] = []
        for bucket, key, uid, part in (*self._marked, *found):
            record = self._server.store.get(bucket, key)
            if record is None or uid not in {"", record.obj["metadata"]["uid"]}:
                continue
            if OTHER not in (record.obj["metadata"].get(part) or {}):
                lost.append(f"{part} of {bucket[1]} {key}")
        return lost

    def _follow(self) -> tuple[list[Change], Callable[[], None]]:
        """Return what is stored from now on, in order, and what ends that: the store itself forgets after minutes."""
        changes: list[Change] = []
        buckets = dict.fromkeys((kind.group, kind.plural) for kind in self._server.kinds.all())
        ends = [self._server.store.subscribe(bucket, changes.append) for bucket in buckets]

        def unfollow() -> None:
            for end in ends:
                end()

        return changes, unfollow
