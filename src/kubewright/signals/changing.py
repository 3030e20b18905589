"""Follows what people change, and services that lead nowhere: suspicions, for whoever looks for causes.

Whole objects are kept of few kinds: what they were before is what to go back to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kubewright.api.apps import DEPLOYMENTS, Deployment
from kubewright.api.core import SERVICES
from kubewright.api.discovery import EndpointSlice
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import ObjectKey, Resource
from kubewright.api.networking import NETWORK_POLICIES
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.rounds import surviving
from kubewright.signals.changes import SUSPECT_SECONDS, Changes
from kubewright.signals.intake import take_in
from kubewright.signals.services import leads_nowhere
from kubewright.signals.signal import Signal, Standing

LASTS_SECONDS = 8.0
"""A service leads nowhere for a moment within many a rollout."""
_LOOK_SECONDS = 1.0
_FOLLOWED: tuple[Resource[Any], ...] = (SERVICES, NETWORK_POLICIES)


class ChangeSignals:
    """Keeps `changes`, and feeds `standing`; `tell` is called with the key of each signal that is news."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        changes: Changes,
        standing: Standing,
        tell: Callable[[str], None],
        *,
        fleets: Informer[Deployment],
        slices: Informer[EndpointSlice],
    ) -> None:
        """Put it together; `fleets` and `slices` are caches that somebody else runs."""
        self._clock = clock
        self._changes = changes
        self._standing = standing
        self._tell = tell
        self._told: dict[str, tuple[Signal, float]] = {}
        """What holds, and until when."""
        self._nowhere: dict[ObjectKey, tuple[Signal, float]] = {}
        """Slices in which nobody takes requests, and since when they were seen so."""
        self._whole = [Informer(client, live_resource(each)) for each in _FOLLOWED]
        fleets.add_handler(self._on_fleet)
        slices.add_handler(self._on_slice)
        for each, resource in zip(self._whole, _FOLLOWED, strict=True):
            each.add_handler(self._on_change(resource))

    @property
    def synced(self) -> bool:
        """Whether it has seen the cluster."""
        return all(each.synced for each in self._whole)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._whole:
                tasks.create_task(each.run())
            tasks.create_task(self._pass_time())

    def _on_change(self, resource: Resource[Any]) -> Callable[[Change[LiveObject]], None]:
        def on_change(change: Change[LiveObject]) -> None:
            if not change.initial:
                self._note(resource, change.old, change.new)

        return on_change

    def _on_fleet(self, change: Change[Deployment]) -> None:
        if not change.initial and change.old is not None and change.new is not None:
            self._note(DEPLOYMENTS, _live(change.old), _live(change.new))

    def _note(self, resource: Resource[Any], old: LiveObject | None, new: LiveObject | None) -> None:
        now = self._clock.now()
        signal = self._changes.note(resource, old, new, now)
        if signal is not None:
            self._told.pop(signal.fingerprint, None)
            self._told[signal.fingerprint] = signal, now + SUSPECT_SECONDS
            self._take(signal)

    def _on_slice(self, change: Change[EndpointSlice]) -> None:
        now = self._clock.now()
        signal = leads_nowhere(change.new, now) if change.new is not None else None
        if signal is not None:
            self._nowhere.setdefault(change.key, (signal, now))
        elif (known := self._nowhere.pop(change.key, None)) is not None:
            self._take(replace(known[0], ended=True))

    async def _pass_time(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with surviving("suspicions that end"):
                self._look(self._clock.now())

    def _look(self, now: float) -> None:
        for signal, since in self._nowhere.values():
            if now - since >= LASTS_SECONDS and self._standing.get(signal.fingerprint) is None:
                self._take(signal)
        while self._told:  # the earliest first
            name, (signal, until) = next(iter(self._told.items()))
            if now < until:
                break
            del self._told[name]
            self._take(replace(signal, ended=True))

    def _take(self, signal: Signal) -> None:
        take_in(self._standing, self._tell, [signal])


def _live(fleet: Deployment) -> LiveObject:
    """Return a Deployment as far as people scale it."""
    return LiveObject(metadata=fleet.metadata, spec={"replicas": fleet.spec.replicas})
