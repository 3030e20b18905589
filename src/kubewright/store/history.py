"""What happened lately: a bounded log of changes, for watches that start in the past and lists of an older revision."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from kubewright.api.meta import Manifest, ObjectKey

Bucket: TypeAlias = tuple[str, str]
"""What a kind is stored under: its group and its plural, whatever version it is served in."""

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]

_TRIM_AT = 1024
"""Dropped entries that a bucket's log keeps before it is copied without them."""


class Record:
    """One object as stored at one revision. Never changed; the next version is another Record.

    A document takes five times the memory of its JSON, and most objects are looked at once in a long while. So only the
    records last made or read hold their documents; the others are decoded again when somebody asks.
    """

    __slots__ = ("_encoded", "_obj", "key", "revision")

    def __init__(self, key: ObjectKey, obj: Manifest | None, revision: int, encoded: bytes | None = None) -> None:
        """Take one of the two: a record of which only the JSON is given is decoded when somebody asks."""
        self.key = key
        self.revision = revision
        self._obj = obj
        self._encoded = encoded
        if obj is not None:
            _keep_warm(self)

    @property
    def obj(self) -> Manifest:
        """Return the object as a document, which nobody may change."""
        obj = self._obj
        if obj is None:
            obj = self._obj = _decode(self.encoded)
            _keep_warm(self)
        return obj

    def cool(self) -> None:
        """Hold only the JSON from now on, until somebody asks for the document."""
        if self._obj is not None:
            self._encoded = self.encoded
            self._obj = None

    @property
    def encoded(self) -> bytes:
        """Return the object as JSON, encoded once for all who read it."""
        if self._encoded is None:
            self._encoded = _encode(self._obj)
        return self._encoded

    def __repr__(self) -> str:
        return f"Record({self.key}@{self.revision})"


_WARM_RECORDS = 2048
_warm: deque[Record] = deque()
_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Manifest] = msgspec.json.Decoder().decode


def _keep_warm(record: Record) -> None:
    """Let the record keep its document until so many others were made or read; one ring for the whole process."""
    _warm.append(record)
    if len(_warm) > _WARM_RECORDS:
        _warm.popleft().cool()


class Change(msgspec.Struct, frozen=True):
    """One write. `record` of a deletion is the last state, carrying the deletion's revision."""

    type: ChangeType
    record: Record
    previous: Record | None
    revision: int
    bucket: Bucket


class _Log:
    """One bucket's changes in revision order; entries before `start` are forgotten."""

    __slots__ = ("changes", "revisions", "start")

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.revisions: list[int] = []
        self.start = 0

    def fork(self) -> _Log:
        twin = _Log()
        twin.changes, twin.revisions, twin.start = self.changes.copy(), self.revisions.copy(), self.start
        return twin

    def drop_first(self) -> None:
        self.changes[self.start] = _FORGOTTEN
        self.start += 1
        if self.start >= _TRIM_AT and self.start * 2 >= len(self.changes):
            del self.changes[: self.start], self.revisions[: self.start]
            self.start = 0


class History:
    """The last `limit` changes of all buckets together. `compacted` is the newest revision that is forgotten."""

    __slots__ = ("_limit", "_logs", "_order", "compacted")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._logs: dict[Bucket, _Log] = {}
        self._order: deque[tuple[int, Bucket]] = deque()
        self.compacted = 0

    def fork(self) -> History:
        """Return an independent history of the same changes."""
        forked = History(self._limit)
        forked._logs = {bucket: log.fork() for bucket, log in self._logs.items()}
        forked._order = self._order.copy()
        forked.compacted = self.compacted
        return forked

    def append(self, change: Change) -> None:
        """Add the newest change, and forget the oldest when there are too many."""
        log = self._logs.get(change.bucket)
        if log is None:
            log = self._logs[change.bucket] = _Log()
        log.changes.append(change)
        log.revisions.append(change.revision)
        self._order.append((change.revision, change.bucket))
        if len(self._order) > self._limit:
            self._forget_oldest()

    def compact(self, revision: int) -> None:
        """Forget every change up to and including `revision`."""
        while self._order and self._order[0][0] <= revision:
            self._forget_oldest()
        self.compacted = max(self.compacted, revision)

    def since(self, bucket: Bucket, revision: int) -> list[Change]:
        """Return a bucket's changes after `revision`, oldest first; the caller checked `compacted`."""
        log = self._logs.get(bucket)
        if log is None:
            return []
        return log.changes[bisect_right(log.revisions, revision, lo=log.start) :]

    def _forget_oldest(self) -> None:
        revision, bucket = self._order.popleft()
        self._logs[bucket].drop_first()
        self.compacted = revision


_NOTHING: dict[str, Any] = {}
_FORGOTTEN = Change("DELETED", Record(ObjectKey("", ""), _NOTHING, 0), None, 0, ("", ""))
