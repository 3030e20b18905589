"""Telling an object's users what happened to it: core/v1 Events, as `kubectl describe` shows them.

Controllers call `record`, which only queues: an Event is a courtesy, so it never delays or fails a reconcile, and when
the API server is away or the queue is full it is dropped and counted. `run` writes; which occurrences share one Event
is decided in `correlation`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from kubewright.api.core import EVENTS
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource, rfc3339
from kubewright.client.protocol import Client, PatchType
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.backoff import Backoff
from kubewright.runtime.correlation import Correlator, Occurrence, Series, Subject
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.rounds import surviving

_log = logging.getLogger(__name__)

_QUEUED = 1000
_DEFERRED = 500
"""So many of a lane wait, at most, for more urgent requests."""
_LOOK_SECONDS = 0.05
_ATTEMPTS = 5
_MESSAGE_LENGTH = 1024
_NAME_LENGTH = 253


class EventStore(Protocol):
    """A quicker way to write Events than a request for each."""

    def create(self, event: Manifest, component: str) -> bool:
        """Create an Event in the name of a component; False when it takes a request."""
        ...


@dataclass(slots=True)
class _Lane:
    """What is written one after the other."""

    queue: asyncio.Queue[Occurrence | Series] = field(default_factory=lambda: asyncio.Queue(_QUEUED))
    delivering: bool = False

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing that could be overtaken."""
        return not self.delivering and self.queue.empty()


class EventRecorder:
    """Records what happened to objects as Events of one component."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        component: str,
        *,
        rng: random.Random | None = None,
        metrics: RuntimeMetrics | None = None,
        store: EventStore | None = None,
        writers: int = 1,
    ) -> None:
        """Put one together; `writers` write at once, each the Events of its share of the objects."""
        self._client = client
        self._clock = clock
        self._component = component
        self._store = store
        self._rng = rng or random.Random(component)  # noqa: S311  jitter
        self._stamp = 0
        """The instant, in nanoseconds, that the last Event was named after."""
        self._dropped = (metrics or RuntimeMetrics()).events_dropped
        self._lanes = [_Lane() for _ in range(writers)]
        self._correlator = Correlator()
        self._is_busy: Callable[[], bool] | None = None

    def defer_while(self, is_busy: Callable[[], bool]) -> None:
        """Leave the API server to more urgent requests while there are such, as long as not too much is queued."""
        self._is_busy = is_busy

    def record(
        self,
        about: KubeObject | ObjectKey,
        resource: Resource[Any],
        type_: Literal["Normal", "Warning"] | str,  # noqa: PYI051  the two that there are, but Kubernetes takes any
        reason: str,
        message: str,
        *,
        field_path: str = "",
        host: str = "",
    ) -> None:
        """Queue that something happened; `reason` is a CamelCase word, `message` a sentence with the particulars.

        `field_path` names the part of the object that is meant, `host` the node that reports.
        """
        text, now = message[:_MESSAGE_LENGTH], self._clock.now()
        occurrence = Occurrence(_subject(about, resource), type_, reason, text, now, field_path, host)
        lane = self._lane_of(occurrence)
        news = self._written_at_once(self._store, occurrence) if self._store and lane.at_rest else occurrence
        try:
            if news is not None:
                lane.queue.put_nowait(news)
        except asyncio.QueueFull:
            self._drop("queue full")

    async def run(self) -> None:
        """Write Events until cancelled."""
        if len(self._lanes) == 1:
            await self._write_all(self._lanes[0])
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(self._write_all(lane), name="events")

    def _lane_of(self, occurrence: Occurrence) -> _Lane:
        """Return where an object's occurrences are queued: all in one, for those that share an Event."""
        number = zlib.crc32(occurrence.subject.key.name.encode()) % len(self._lanes) if len(self._lanes) > 1 else 0
        return self._lanes[number]

    async def _write_all(self, lane: _Lane) -> None:
        while True:
            news = await lane.queue.get()
            lane.delivering = True
            await self._until_its_turn(lane)
            with surviving("an event"):
                series = news if isinstance(news, Series) else self._correlated(news)
                if series is not None:
                    await self._deliver(series)
            lane.delivering = False

    async def _until_its_turn(self, lane: _Lane) -> None:
        if self._is_busy is not None:
            while lane.queue.qsize() < _DEFERRED and self._is_busy():  # noqa: ASYNC110  a state that others keep
                await asyncio.sleep(_LOOK_SECONDS)

    def _correlated(self, occurrence: Occurrence) -> Series | None:
        series = self._correlator.add(occurrence)
        if series is None:
            self._drop("rate limit")
        return series

    def _written_at_once(self, store: EventStore, occurrence: Occurrence) -> Series | None:
        """Write an Event without a request, if there is nothing that it would overtake; return what takes one."""
        series = self._correlated(occurrence)
        if series is None or series.name:
            return series
        stamp, event = self._stamp, self._event(series)
        if not store.create(event, self._component):
            self._stamp = stamp
            return series
        series.name = event["metadata"]["name"]
        return None

    def _drop(self, reason: str) -> None:
        self._dropped.labels(self._component, reason).inc()

    async def _deliver(self, series: Series) -> None:
        backoff = Backoff(1.0, 30.0, self._rng)
        for _ in range(_ATTEMPTS):
            try:
                await self._write(series)
            except OpError as error:
                if not error.retryable:
                    _log.info("event %s not written: %s", series.newest.reason, error)
                    break
                await asyncio.sleep(backoff.next_seconds())
            else:
                return
        self._drop("not written")

    async def _write(self, series: Series) -> None:
        if not series.name or not await self._count_up(series):
            await self._create(series)

    async def _count_up(self, series: Series) -> bool:
        """Bring the Event that is there up to date; return False when it has expired meanwhile."""
        newest = series.newest
        patch = {"count": series.count, "message": series.message, "lastTimestamp": rfc3339(newest.at_seconds)}
        try:
            await self._client.patch(
                EVENTS,
                ObjectKey(_namespace(newest), series.name),
                patch,
                PatchType.MERGE,
                field_manager=self._component,
            )
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return False
        return True

    async def _create(self, series: Series) -> None:
        while True:
            event = self._event(series)
            try:
                if self._store is None or not self._store.create(event, self._component):
                    await self._client.create(
                        EVENTS, event, namespace=_namespace(series.newest), field_manager=self._component
                    )
            except OpError as error:
                if error.kind is not ErrorKind.ALREADY_EXISTS:
                    raise  # else another component's event about the object has this very instant
            else:
                series.name = event["metadata"]["name"]
                return

    def _event(self, series: Series) -> Manifest:
        """Return a new Event, named after an instant of its own also where time stands still: names are taken once."""
        self._stamp = stamp = max(int(self._clock.now() * 1e9), self._stamp + 1)
        name = f"{series.newest.subject.key.name[: _NAME_LENGTH - 17]}.{stamp:x}"
        return _manifest(series, name, self._component)


def announce_undecodable(informer: Informer[Any], recorder: EventRecorder) -> None:
    """Record a Warning about each object that an informer cannot decode and so skips."""

    def on_undecodable(key: ObjectKey, error: str) -> None:
        recorder.record(
            key, informer.resource, "Warning", "Undecodable", f"Skipped, because it does not decode: {error}"
        )

    informer.on_undecodable(on_undecodable)


def _subject(about: KubeObject | ObjectKey, resource: Resource[Any]) -> Subject:
    if isinstance(about, ObjectKey):
        return Subject(resource.api_version, resource.kind, about)
    metadata = about.metadata
    return Subject(resource.api_version, resource.kind, about.key, metadata.uid, metadata.resource_version)


def _namespace(occurrence: Occurrence) -> str:
    """Return where the Event belongs; those about cluster-scoped objects are kept in `default`."""
    return occurrence.subject.key.namespace or "default"


def _manifest(series: Series, name: str, component: str) -> Manifest:
    newest = series.newest
    subject = newest.subject
    involved = {
        "apiVersion": subject.api_version,
        "kind": subject.kind,
        "namespace": subject.key.namespace,
        "name": subject.key.name,
        "uid": subject.uid,
        "resourceVersion": subject.resource_version,
        "fieldPath": newest.field_path,
    }
    source = {"component": component} | ({"host": newest.host} if newest.host else {})
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": name, "namespace": _namespace(newest)},
        "involvedObject": {field: value for field, value in involved.items() if value},
        "type": newest.type,
        "reason": newest.reason,
        "message": series.message,
        "count": series.count,
        "firstTimestamp": rfc3339(series.first_at_seconds),
        "lastTimestamp": rfc3339(newest.at_seconds),
        "source": source,
        "reportingComponent": component,
        "reportingInstance": newest.host,
    }
