"""What a server forgets as time goes by: its history after minutes, and events an hour after they were last written.

`ApiServer` has one and wakes it with each request. It has no task: timers of the loop call it back, and only while
there is something to forget, so that a cluster in which nothing happens any more comes to rest.
"""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import Callable

from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.store.versioned import Bucket, Change, VersionedStore

COMPACTION_SECONDS = 300.0
"""How often history is cut where it ended the last time (`--etcd-compaction-interval`)."""
EVENT_SECONDS = 3600.0
"""How long an event lasts at least (`--event-ttl`)."""
_LEASE_SECONDS = 60.0
_LEASE_EVENTS = 1000
"""Events go with an etcd lease, which those of a minute share, up to so many (`LeaseManagerConfig`)."""
_EARLY_SECONDS = 1e-4
"""A loop calls what is due within its clock's resolution."""
_EVENTS: Bucket = ("", "events")


class Upkeep:
    """The upkeep of one store."""

    def __init__(self, store: VersionedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._compacts_to = 0
        self._compacting = False
        self._expires: dict[ObjectKey, float] = {}
        """When each event goes, the first to go first."""
        self._lease_ends = 0.0
        self._lease_events = 0
        self._expiring = False
        store.subscribe(_EVENTS, self._on_event)

    def resume_from(self, other: Upkeep) -> None:
        """Go on where the upkeep of the store is of which this one's is a fork."""
        self._compacts_to = other._compacts_to
        self._expires = other._expires.copy()

    def wake(self) -> None:
        """Set the timers that are not set: in the server's loop, at each request."""
        if not self._compacting:
            self._compacting = True
            self._call_in(COMPACTION_SECONDS, Upkeep._compact)
        if self._expires and not self._expiring:
            self._expiring = True
            first = next(iter(self._expires.values()))
            self._call_in(first - self._clock.now(), Upkeep._expire)

    def _call_in(self, seconds: float, step: Callable[[Upkeep], None]) -> None:
        """Call back, unless nobody has the server any more: a fork that was dropped is not kept for this."""
        known = weakref.ref(self)

        def call() -> None:
            found = known()
            if found is not None:
                step(found)

        asyncio.get_running_loop().call_later(seconds, call)

    def _compact(self) -> None:
        self._compacting = False
        self._store.compact(self._compacts_to)
        if self._store.revision > self._compacts_to:
            self._compacts_to = self._store.revision
            self.wake()

    def _on_event(self, change: Change) -> None:
        key = change.record.key
        self._expires.pop(key, None)
        if change.type != "DELETED":
            self._expires[key] = self._lease(self._clock.now())

    def _lease(self, now: float) -> float:
        """Return when the lease of an event written now ends."""
        if now + EVENT_SECONDS >= self._lease_ends or self._lease_events >= _LEASE_EVENTS:
            self._lease_ends, self._lease_events = now + EVENT_SECONDS + _LEASE_SECONDS, 0
        self._lease_events += 1
        return self._lease_ends

    def _expire(self) -> None:
        self._expiring = False
        now = self._clock.now() + _EARLY_SECONDS
        gone = [key for key, _ in itertools.takewhile(lambda each: each[1] <= now, self._expires.items())]
        for key in sorted(gone):
            self._store.delete(_EVENTS, key)
        self.wake()
