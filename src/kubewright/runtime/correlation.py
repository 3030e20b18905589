"""Which occurrences are one Event: the rules by which client-go keeps events from flooding an API server.

- The same thing again is not a new Event: the count of the first goes up.
- From the eleventh different message of one reason about one object within ten minutes on, they are one Event,
  "(combined from similar events): ..." with the newest message.
- One object may cause 25 writes at once and one every five minutes after that; what is over is counted, not written.

Pure: the recorder passes the time with each occurrence and does the writing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kubewright.api.meta import ObjectKey

V = TypeVar("V")

_REMEMBERED = 4096
_SIMILAR_LIMIT = 10
_SIMILAR_SECONDS = 600.0
_BURST = 25.0
_REFILL_PER_SECOND = 1 / 300
_COMBINED = "(combined from similar events): "


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that something happened to; `uid` is empty where only its name is known."""

    api_version: str
    kind: str
    key: ObjectKey
    uid: str = ""
    resource_version: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened once."""

    subject: Subject
    type: str
    reason: str
    message: str
    at_seconds: float
    field_path: str = ""
    host: str = ""


@dataclass(slots=True)
class Series:
    """Occurrences that are one Event; `name` is the Event's, once it is written."""

    newest: Occurrence
    message: str
    first_at_seconds: float
    count: int = 1
    name: str = ""


@dataclass(slots=True)
class _Similar:
    """The different messages lately seen of one reason about one object."""

    last_at_seconds: float
    messages: dict[str, None] = field(default_factory=dict[str, None])


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_seconds: float

    def take(self, now: float) -> bool:
        self.tokens = min(_BURST, self.tokens + (now - self.at_seconds) * _REFILL_PER_SECOND)
        self.at_seconds = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Correlator:
    """Sorts occurrences into Series; remembers the last 4096 of each kind of thing it needs to know."""

    def __init__(self) -> None:
        self._series = _Recent[Series]()
        self._similar = _Recent[_Similar]()
        self._buckets = _Recent[_Bucket]()

    def add(self, occurrence: Occurrence) -> Series | None:
        """Count the occurrence in its Series; return that to be written, or None when its object's budget is spent."""
        now = occurrence.at_seconds
        identity, message = self._identity(occurrence)
        series = self._series.get(identity)
        if series is None:
            series = self._series.put(identity, Series(occurrence, message, now))
        else:
            series.count += 1
            series.newest, series.message = occurrence, message
        bucket = self._buckets.get_or_put(occurrence.subject, lambda: _Bucket(_BURST, now))
        return series if bucket.take(now) else None

    def _identity(self, occurrence: Occurrence) -> tuple[Hashable, str]:
        """Return what the occurrence is counted with, and the message to show for all of it."""
        group = (occurrence.subject, occurrence.field_path, occurrence.type, occurrence.reason)
        similar = self._similar.get(group)
        if similar is None or occurrence.at_seconds - similar.last_at_seconds > _SIMILAR_SECONDS:
            similar = self._similar.put(group, _Similar(occurrence.at_seconds))
        similar.last_at_seconds = occurrence.at_seconds
        if occurrence.message in similar.messages or len(similar.messages) < _SIMILAR_LIMIT:
            similar.messages[occurrence.message] = None
            return (*group, occurrence.message), occurrence.message
        return group, _COMBINED + occurrence.message


class _Recent(Generic[V]):
    """The most recently used values."""

    def __init__(self) -> None:
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: Hashable, value: V) -> V:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > _REMEMBERED:
            self._values.popitem(last=False)
        return value

    def get_or_put(self, key: Hashable, make: Callable[[], V]) -> V:
        value = self.get(key)
        return value if value is not None else self.put(key, make())
