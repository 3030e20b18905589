"""Signals in: alerts by the receiver, the API's own by watching; one queue behind both, and who is told.

`app.py` runs it for `monitoring` and for `healing`, each with a handler of its own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kubewright.api.meta import EMPTY, Manifest
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.controller import Controller, Done
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.serving import KeyFiles, serve_asgi
from kubewright.runtime.workqueue import WorkQueue
from kubewright.signals.receiver import Receiver
from kubewright.signals.signal import Signal, SignalHandler, Standing
from kubewright.signals.suspects import Reach
from kubewright.signals.watching import ApiSignals

_DELAYS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800)


class SignalMetrics:
    """What holds, what was told, and how long after the fault."""

    def __init__(self, standing: Standing, registry: CollectorRegistry | None = None) -> None:
        known = Gauge("kubewright_signals_known", "Signals that are known, which is bounded", registry=registry)
        known.set_function(lambda: len(standing))
        self._told = Counter(
            "kubewright_signals_total",
            "Signals of faults that were handed on, by their class and by who gave them",
            ("fault", "witness"),
            registry=registry,
        )
        self._delay = Histogram(
            "kubewright_signal_delay_seconds",
            "Time from when something was so until it was handed on, by who told of it",
            ("witness",),
            buckets=_DELAYS,
            registry=registry,
        )

    def count(self, signal: Signal, now: float) -> None:
        """Count one that was handed on."""
        self._told.labels(signal.fault, signal.witness).inc()
        if signal.since:
            self._delay.labels(signal.witness).observe(max(0.0, now - signal.since))


class SignalsIn:
    """A service: takes signals in and hands them on, each once and none twice at once."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        handler: SignalHandler,
        *,
        metrics: RuntimeMetrics | None = None,
        registry: CollectorRegistry | None = None,
        reach: Reach | None = None,
        followed: Mapping[str, Informer[Any]] = EMPTY,
    ) -> None:
        """Put it together; with `reach` nodes that fall silent are asked after.

        `followed` are caches that somebody else runs, by their kinds' plurals.
        """
        self._clock = clock
        self._handler = handler
        self.standing = Standing()
        self._metrics = SignalMetrics(self.standing, registry)
        self.queue: WorkQueue[str] = WorkQueue("alerts", metrics=metrics)
        self._controller: Controller[str] = Controller("alerts", self, self.queue, concurrency=4, metrics=metrics)
        self.watched = ApiSignals(
            client, clock, self.standing, self.queue.add, metrics=metrics, reach=reach, followed=followed
        )
        self._served: tuple[Receiver, Callable[[], socket.socket], KeyFiles | None] | None = None
        self._running = False

    def serve(self, receiver: Receiver, listener: Callable[[], socket.socket], tls: KeyFiles | None = None) -> None:
        """Take alerts in, too, on a socket that is made when it runs."""
        self._served = receiver, listener, tls

    @property
    def synced(self) -> bool:
        """Whether it listens, and has seen the cluster."""
        return self._running and self.watched.synced

    @property
    def settled(self) -> bool:
        """Whether every signal has been handed on."""
        return self._running and self.watched.settled and self.queue.idle

    @property
    def definitions(self) -> Sequence[Manifest]:
        """The kinds that it brings: none."""
        return ()

    async def reconcile(self, key: str) -> Done:
        """Hand a signal on as it stands now; one that has ended is forgotten then."""
        signal = self.standing.get(key)
        if signal is not None:
            await self._handler.handle(signal)
            if signal.ended:
                self.standing.forget(signal)
            else:
                self._metrics.count(signal, self._clock.now())
        return Done()

    async def run(self) -> None:
        """Watch, serve and work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._served is not None:
                receiver, listener, tls = self._served
                tasks.create_task(serve_asgi(receiver, listener(), tls))
            tasks.create_task(self._controller.run())
            tasks.create_task(self.watched.run())
            self._running = True
