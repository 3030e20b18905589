"""What every feature runs in: keys from a queue, one reconcile at a time for each, and what becomes of its outcome.

    client.watch -> Informer (Index first, then handlers) -> key -> WorkQueue -> reconcile(key)
                 -> decide(...) -> Plan -> execute -> Done | RequeueAfter

The key carries no event: a reconcile reads the cache and makes the world fit, however often it is asked. So nothing is
lost when news are merged, and a crash at any point is put right by the next run.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from kubewright.api.meta import KubeObject, ObjectKey, Resource, controller_of
from kubewright.errors import OpError
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.traces import note_outcome
from kubewright.runtime.workqueue import LOW_PRIORITY, WorkQueue

K = TypeVar("K", bound=Hashable)
K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)
T = TypeVar("T", bound=KubeObject)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """The world fits; nothing to do until something changes."""


@dataclass(frozen=True, slots=True)
class RequeueAfter:
    """So far it fits; look again after `seconds`, or sooner if something changes."""

    seconds: float


class Reconciler(Protocol[K_contra]):
    """Makes the world fit one object's desired state."""

    async def reconcile(self, key: K_contra) -> Done | RequeueAfter:
        """Do what is missing for `key`, which may be gone; an OpError is tried again later, longer each time."""
        ...


class Controller(Generic[K]):
    """Works off a queue with a Reconciler, at most `concurrency` keys at once and no key twice at once.

    A reconcile that fails, for whatever reason, backs off and never ends the process: an OpError because the world may
    be mended from outside, any other exception because one object's bug must not stop the service of all the others.
    """

    def __init__(
        self,
        name: str,
        reconciler: Reconciler[K],
        queue: WorkQueue[K],
        *,
        concurrency: int = 1,
        informers: Iterable[Informer[Any]] = (),
        timeout_seconds: float | None = None,
        metrics: RuntimeMetrics | None = None,
    ) -> None:
        self.name = name
        self._reconciler = reconciler
        self._queue = queue
        self._concurrency = concurrency
        self._informers = tuple(informers)
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics or RuntimeMetrics()
        self._metrics.max_workers.labels(name).set(concurrency)
        self._succeeded = self._metrics.reconciles.labels(name, "success")
        self._requeued = self._metrics.reconciles.labels(name, "requeue_after")

    @property
    def queue(self) -> WorkQueue[K]:
        """Return the queue that it works off."""
        return self._queue

    async def run(self) -> None:
        """Wait until the caches that reconcile reads are whole, then work until cancelled."""
        for informer in self._informers:
            await informer.wait_synced()
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._concurrency):
                workers.create_task(self._work(), name=f"{self.name} worker")

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        active = self._metrics.active_workers.labels(self.name)
        seconds = self._metrics.reconcile_seconds.labels(self.name)
        while True:
            key = await self._queue.get()
            started_at = loop.time()
            active.inc()
            try:
                with self._traced(key):
                    await self._reconcile(key)
            finally:
                active.dec()
                seconds.observe(loop.time() - started_at)
                self._queue.done(key)

    def _traced(self, key: K) -> AbstractContextManager[None]:
        traces = self._metrics.traces
        return nullcontext() if traces is None else traces.reconcile(self._queue.name, self.name, key)

    async def _reconcile(self, key: K) -> None:
        limit = asyncio.timeout(self._timeout_seconds)
        try:
            async with limit:
                outcome = await self._reconciler.reconcile(key)
        except asyncio.CancelledError:
            if _being_cancelled():
                raise
            self._on_bug(key)  # awaited something that was cancelled elsewhere
        except Exception as error:  # noqa: BLE001  see the class
            failure = _op_error_in(error)
            if failure is not None:
                self._on_op_error(key, failure)
            elif isinstance(error, TimeoutError) and limit.expired():
                self._on_timeout(key)
            else:
                self._on_bug(key)
        else:
            self._on_outcome(key, outcome)

    def _on_outcome(self, key: K, outcome: Done | RequeueAfter) -> None:
        self._queue.forget(key)
        note_outcome(outcome)
        match outcome:
            case Done():
                self._succeeded.inc()
            case RequeueAfter(seconds):
                self._requeued.inc()
                self._queue.requeue(key, after_seconds=seconds)

    def _on_op_error(self, key: K, error: OpError) -> None:
        note_outcome(error)
        if error.retryable:
            _log.info("%s %s: will try again: %s", self.name, key, error)
        else:
            self._metrics.reconcile_terminal_errors.labels(self.name).inc()
            _log.warning("%s %s: %s", self.name, key, error)
        self._back_off(key, at_least_seconds=error.retry_after_seconds or 0.0)

    def _on_timeout(self, key: K) -> None:
        self._metrics.reconcile_timeouts.labels(self.name).inc()
        note_outcome("timed out")
        _log.warning("%s %s: not done after %g s", self.name, key, self._timeout_seconds)
        self._back_off(key)

    def _on_bug(self, key: K) -> None:
        self._metrics.reconcile_panics.labels(self.name).inc()
        note_outcome(f"{sys.exception()!r}")
        _log.exception("%s %s: reconcile failed unexpectedly", self.name, key)
        self._back_off(key)

    def _back_off(self, key: K, *, at_least_seconds: float = 0.0) -> None:
        self._metrics.reconciles.labels(self.name, "error").inc()
        self._metrics.reconcile_errors.labels(self.name).inc()
        self._queue.retry(key, at_least_seconds=at_least_seconds)


def watch_own(informer: Informer[T], queue: WorkQueue[ObjectKey]) -> None:
    """Queue an object when it changes."""
    watch_mapped(informer, queue, lambda obj: (obj.key,))


def watch_owned(informer: Informer[T], queue: WorkQueue[ObjectKey], owner: Resource[Any]) -> None:
    """Queue the object of kind `owner` that controls a changed object: so drift is put right when it happens."""
    watch_mapped(informer, queue, owner_keys(owner))


def owner_keys(owner: Resource[Any]) -> Callable[[KubeObject], Iterable[ObjectKey]]:
    """Return what finds the key of the object of kind `owner` that controls another."""

    def keys_of(obj: KubeObject) -> Iterable[ObjectKey]:
        ref = controller_of(obj)
        if ref is not None and ref.kind == owner.kind and _group(ref.api_version) == owner.group:
            yield ObjectKey(obj.metadata.namespace if owner.namespaced else "", ref.name)

    return keys_of


def watch_mapped(
    informer: Informer[T],
    queue: WorkQueue[K],
    keys_of: Callable[[T], Iterable[K]],
    *,
    when: Callable[[Change[Any]], bool] | None = None,
    priority: int = 0,
) -> None:
    """Queue what `keys_of` finds in a changed object, as it was and as it is; what is no news comes last.

    Of the changes that are news only those count of which `when` holds. A key that is being worked on is queued again
    by what its own reconcile writes: what a status says may rest on what came of it.
    """

    def on_change(change: Change[T]) -> None:
        if when is not None and not change.initial and not when(change):
            return
        states = (obj for obj in (change.old, change.new) if obj is not None)
        for key in dict.fromkeys(key for obj in states for key in keys_of(obj)):
            queue.add(key, priority=LOW_PRIORITY if change.initial else priority)
            if queue.traces is not None:
                queue.traces.caused(queue.name, key, _cause(informer.resource, change))

    informer.add_handler(on_change)


def _cause(resource: Resource[Any], change: Change[Any]) -> str:
    """Say which change it was that queued a key."""
    key = next(obj.key for obj in (change.new, change.old) if obj is not None)
    ended = "deleted" if change.new is None else "changed"
    what = "listed" if change.initial else "created" if change.old is None else ended
    return f"{resource.target(key)} {what}"


def _group(api_version: str) -> str:
    group, slash, _ = api_version.partition("/")
    return group if slash else ""


def _op_error_in(error: Exception) -> OpError | None:
    """Return the OpError that `error` is, or that a TaskGroup in the reconcile gathered, if nothing else went wrong."""
    if isinstance(error, OpError):
        return error
    if isinstance(error, ExceptionGroup):
        failures = [_op_error_in(inner) for inner in cast("ExceptionGroup[Exception]", error).exceptions]
        return failures[0] if None not in failures else None
    return None


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
