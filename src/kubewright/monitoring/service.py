"""Alerts in: the receiver on its socket, a queue behind it, and who is told. `app.py` runs it as `monitoring`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from kubewright.monitoring.incoming import FIRING, RESOLVED, AlertHandler, Incoming, Standing
from kubewright.monitoring.receiver import Receiver
from kubewright.runtime.controller import Controller, Done
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.serving import KeyFiles, serve_asgi
from kubewright.runtime.workqueue import WorkQueue

COMPONENT = "kubewright-monitoring"


class ObjectTeller:
    """Writes an Event on the object that an alert is about, so that `kubectl describe` shows it."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    async def handle(self, alert: Incoming) -> None:
        """Record that it fires, or that it has ended."""
        about = alert.about
        if about is None:
            return
        resource, key = about
        said = alert.annotations.get("description") or alert.annotations.get("summary") or alert.name
        if alert.status == FIRING:
            self._recorder.record(key, resource, "Warning", alert.name or "Alert", said)
        else:
            self._recorder.record(key, resource, "Normal", f"{alert.name or 'Alert'}Resolved", f"No longer: {said}")


class AlertsIn:
    """A service: takes alerts in and hands them on, each once and none twice at once."""

    def __init__(
        self,
        listener: Callable[[], socket.socket],
        token: str,
        handler: AlertHandler,
        *,
        tls: KeyFiles | None = None,
        metrics: RuntimeMetrics | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._listener = listener
        self._tls = tls
        self._handler = handler
        self.standing = Standing()
        self._queue: WorkQueue[str] = WorkQueue("alerts", metrics=metrics)
        self._controller: Controller[str] = Controller("alerts", self, self._queue, concurrency=4, metrics=metrics)
        self.receiver = Receiver(token, self.standing, self._queue.add, registry)
        self._running = False

    @property
    def synced(self) -> bool:
        """Whether it listens."""
        return self._running

    @property
    def settled(self) -> bool:
        """Whether every alert has been handed on."""
        return self._running and self._queue.idle

    async def reconcile(self, key: str) -> Done:
        """Hand an alert on as it stands now; one that has ended is forgotten then."""
        alert = self.standing.get(key)
        if alert is not None:
            await self._handler.handle(alert)
            if alert.status == RESOLVED:
                self.standing.forget(alert)
        return Done()

    async def run(self) -> None:
        """Serve and work until cancelled."""
        listener = self._listener()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_asgi(self.receiver, listener, self._tls))
            tasks.create_task(self._controller.run())
            self._running = True
