"""What every controller of the twin is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from typing import Any, TypeVar

from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.controller import Controller, Reconciler
from kubewright.runtime.events import EventRecorder, EventStore
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.writes import Updates, Writer

K = TypeVar("K", bound=Hashable)
_MAX_BACKOFF_SECONDS = 1000.0
"""As kube-controller-manager."""


class Context:
    """Client, clock and shared caches; it makes queues, writers and controllers, and runs what it made."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        caches: Caches,
        *,
        events: EventStore | None = None,
        updates: Updates | None = None,
    ) -> None:
        """Put it together; `events` and `updates` of pods are quicker ways to write these than requests."""
        self._events = events
        self._updates = updates
        self.client = client
        self.clock = clock
        self.caches = caches
        self._metrics = RuntimeMetrics()
        self._recorders: dict[str, EventRecorder] = {}
        self._controllers: list[Controller[Any]] = []
        self._tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}

    def queue(self, name: str, kind: type[K]) -> WorkQueue[K]:
        """Return a new queue of keys of a type."""
        del kind
        return WorkQueue(name, metrics=self._metrics, max_backoff_seconds=_MAX_BACKOFF_SECONDS)

    def writer(self, component: str, *, field_manager: str = "") -> Writer:
        """Return a writer; those of one component share its event recorder."""
        recorder = self._recorders.get(component)
        if recorder is None:
            recorder = self._recorders[component] = EventRecorder(
                self.client, self.clock, component, metrics=self._metrics, store=self._events
            )
        return Writer(self.client, recorder, field_manager or component, self._updates)

    def controller(
        self,
        name: str,
        reconciler: Reconciler[K],
        queue: WorkQueue[K],
        informers: Iterable[Informer[Any]],
        *,
        concurrency: int = 1,
    ) -> None:
        """Add a controller to those that `run` runs."""
        self._controllers.append(
            Controller(name, reconciler, queue, concurrency=concurrency, informers=informers, metrics=self._metrics)
        )

    def task(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Add what goes by time and not by keys to what `run` runs."""
        self._tasks[name] = run

    async def run(self) -> None:
        """Run controllers, tasks and recorders until cancelled; the caches are run by their owner."""
        async with asyncio.TaskGroup() as tasks:
            for controller in self._controllers:
                tasks.create_task(controller.run(), name=controller.name)
            for name, run in self._tasks.items():
                tasks.create_task(run(), name=name)
            for component, recorder in self._recorders.items():
                tasks.create_task(recorder.run(), name=f"events of {component}")
