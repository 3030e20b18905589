"""What a controller has done and its cache does not show yet.

A ReplicaSet that counted its pods again before the watch brought those it has just created would create them twice. So
its controller expects them and waits until the cache has caught up (`UIDTrackingControllerExpectations` of client-go).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

EXPIRY_SECONDS = 300.0
"""A change that has not arrived by then never will: go on with what the cache shows."""


@dataclass(slots=True)
class _Awaited:
    since_seconds: float
    created: int = 0
    deleted: set[str] = field(default_factory=set[str])


class Expectations(Generic[K]):
    """Changes awaited, per key of the object that they were made for."""

    def __init__(self) -> None:
        self._awaited: dict[K, _Awaited] = {}

    def expect_created(self, key: K, now: float) -> None:
        """Await one more new object; call it before creating, since the watch may be faster than the answer."""
        self._of(key, now).created += 1

    def expect_deleted(self, key: K, uid: str, now: float) -> None:
        """Await that an object is deleted, or marked so."""
        self._of(key, now).deleted.add(uid)

    def saw_created(self, key: K) -> None:
        """Note that a new object arrived, or that creating it failed."""
        awaited = self._awaited.get(key)
        if awaited is not None and awaited.created:
            awaited.created -= 1

    def saw_deleted(self, key: K, uid: str) -> None:
        """Note that an object is going or gone, or that deleting it failed."""
        awaited = self._awaited.get(key)
        if awaited is not None:
            awaited.deleted.discard(uid)

    def met(self, key: K, now: float) -> bool:
        """Tell whether the cache shows all that was done for `key`, or has had long enough to."""
        awaited = self._awaited.get(key)
        if awaited is None:
            return True
        if (awaited.created or awaited.deleted) and now - awaited.since_seconds < EXPIRY_SECONDS:
            return False
        del self._awaited[key]
        return True

    def forget(self, key: K) -> None:
        """Drop all that is awaited for an object that is gone."""
        self._awaited.pop(key, None)

    def _of(self, key: K, now: float) -> _Awaited:
        awaited = self._awaited.setdefault(key, _Awaited(now))
        awaited.since_seconds = now
        return awaited
