"""Watches: each change of a bucket, as one JSON line, to everyone who follows it.

A change is filtered, and where all see the same bytes encoded, inside the write that makes it; a watcher only takes
lines from its buffer. One that takes too slowly is cut off and has to list again, and so are the slowest when all
together hold too much: a server must not grow with its slowest clients. What was there before a watch began is encoded
only as it is taken.
"""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.errors import OpError
from kubewright.store.versioned import Bucket, Change, Record, VersionedStore
from kubewright.twin import status
from kubewright.twin.answers import encoded_in, head_of, table
from kubewright.twin.conversion import in_version
from kubewright.twin.kinds import KindInfo
from kubewright.twin.media import Form, View, encode
from kubewright.twin.selection import Selection
from kubewright.twin.tables.render import partial_metadata

BOOKMARK_SECONDS = 60.0
_EARLY_SECONDS = 1e-4
LAST_BOOKMARK_SECONDS = 2.0
BUFFERED_LINES = 20_000
BUFFERED_BYTES = 256 * 1024 * 1024
"""For all watches together. Lines that several of them share count for each: what is held is at most that."""
_LEFT_BY_RELIEF = 0.75
_INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """What a watch shows, and until when."""

    kind: KindInfo
    namespace: str
    selection: Selection
    view: View
    bookmarks: bool
    timeout_seconds: float


class Stream(Protocol):
    """An answer that goes on."""

    def end(self) -> None:
        """Let it end."""
        ...


class WatchHub:
    """All watches of one store; one subscription a bucket, and one encoding a change for all plain watches."""

    def __init__(self, store: VersionedStore, now: Callable[[], float]) -> None:
        self.store = store
        self.now = now
        self.bookmark_seconds = BOOKMARK_SECONDS
        """How often watches that want bookmarks get one while they last."""
        self._following: dict[Bucket, dict[WatchStream, None]] = {}
        self._unsubscribe: dict[Bucket, Callable[[], None]] = {}
        # In the order of their beginning, so that like runs end and cut off the same; ended ones may still hold lines.
        self._others: weakref.WeakKeyDictionary[Stream, None] = weakref.WeakKeyDictionary()
        self._all: weakref.WeakKeyDictionary[WatchStream, None] = weakref.WeakKeyDictionary()
        self.buffered_bytes = 0
        """What all watches hold that nobody has taken: each adds and subtracts its own."""

    def follow(self, bucket: Bucket, stream: WatchStream) -> None:
        """Give a stream the bucket's changes from now on."""
        self._following.setdefault(bucket, {})[stream] = None
        self._all[stream] = None
        if bucket not in self._unsubscribe:
            self._unsubscribe[bucket] = self.store.subscribe(bucket, lambda change: self._fan_out(bucket, change))

    def leave(self, bucket: Bucket, stream: WatchStream) -> None:
        """Stop giving."""
        streams = self._following.get(bucket, {})
        streams.pop(stream, None)
        if not streams and bucket in self._unsubscribe:
            self._unsubscribe.pop(bucket)()

    def relieve(self) -> None:
        """Cut off the slowest watches, when all together hold too much."""
        held = sorted(((stream.buffered_bytes, stream) for stream in self._all), key=lambda each: -each[0])
        # Counted anew: what was never taken from streams that nobody has any more is gone with them.
        self.buffered_bytes = sum(size for size, _ in held)
        for size, stream in held:
            if self.buffered_bytes <= BUFFERED_BYTES * _LEFT_BY_RELIEF:
                return
            if size:
                stream.drop()

    def _fan_out(self, bucket: Bucket, change: Change) -> None:
        lines: dict[str, bytes] = {}
        for stream in tuple(self._following.get(bucket, ())):
            stream.push(change, lines)

    def keep(self, stream: Stream) -> None:
        """Let a stream that is no watch end with the server, too."""
        self._others[stream] = None

    def close(self) -> None:
        """End all watches and other streams, as a server that goes down does."""
        for other in tuple(self._others):
            other.end()
        for streams in list(self._following.values()):
            for stream in tuple(streams):
                stream.end()


class WatchStream:
    """One watch: an iterator of lines. It ends at its timeout, when it is cut off, or when it is closed."""

    def __init__(self, hub: WatchHub, bucket: Bucket, plan: WatchPlan) -> None:
        self._hub = hub
        self._bucket = bucket
        self._plan = plan
        self._shows_all = plan.selection.everything and plan.view.form is Form.OBJECT
        self._initial: Iterator[bytes] | None = None
        self._lines: deque[bytes] = deque()
        self._ended = False
        self._holds = 0
        self._waiter: asyncio.Future[None] | None = None
        self._columns_sent = False
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + plan.timeout_seconds
        self._next_bookmark = self._bookmark_after(self._loop.time())
        self._timer = self._set_timer()
        hub.follow(bucket, self)

    # What it shows ---------------------------------------------------------------------------------------------

    def start_with(self, records: list[Record], revision: int, *, say_when_done: bool) -> None:
        """Show objects that were there before the watch."""
        lines = (self._line("ADDED", each) for each in records if self._plan.selection.matches(each.obj))
        # The first is made at once: a table's names its columns, and changes may come before it is taken.
        self._initial = itertools.chain(tuple(itertools.islice(lines, 1)), lines)
        if say_when_done:
            self._initial = itertools.chain(self._initial, (self._bookmark(revision, initial_end=True),))

    def start_after(self, revision: int) -> None:
        """Show the changes since a revision; when they are forgotten, say so and end."""
        try:
            changes = self._hub.store.changes_since(self._bucket, revision)
        except OpError as error:
            self._expire(error.detail)
            return
        for change in changes:
            self.push(change, {})

    def push(self, change: Change, lines: dict[str, bytes]) -> None:
        """Take one change; `lines` keeps what watches of the same form share."""
        plan = self._plan
        if self._ended or (plan.namespace and change.record.key.namespace != plan.namespace):
            return
        if self._shows_all:
            line = lines.get(plan.kind.api_version)
            if line is None:
                line = lines[plan.kind.api_version] = self._line(change.type, change.record)
            self._put(line)
            return
        if not plan.selection.may_match(change.record.key):
            return
        seen = _seen(change, plan.selection)
        if seen is not None:
            self._put(self._line(*seen))

    def _line(self, event: str, record: Record) -> bytes:
        kind, view = self._plan.kind, self._plan.view
        match view.form:
            case Form.OBJECT:
                body = encoded_in(kind, record)
            case Form.METADATA:
                body = encode(partial_metadata(in_version(kind, record.obj)))
            case Form.TABLE:
                body = encode(self._table([record], record.revision))
        return b'{"type":"' + event.encode() + b'","object":' + body + b"}\n"

    def _table(self, records: list[Record], revision: int) -> Manifest:
        plan = self._plan
        rendered = table(plan.kind, records, plan.view, self._hub.now(), {"resourceVersion": str(revision)})
        if self._columns_sent:
            rendered["columnDefinitions"] = None
        self._columns_sent = True
        return rendered

    def _bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        kind, metadata = self._plan.kind, {"resourceVersion": str(revision), **(_INITIAL_END if initial_end else {})}
        if self._plan.view.form is Form.TABLE:
            # The row of an object without a name: its metadata is the bookmark.
            return self._line("BOOKMARK", Record(ObjectKey("", ""), {"metadata": metadata}, revision))
        return b'{"type":"BOOKMARK","object":' + head_of(kind) + encode({"metadata": metadata})[1:] + b"}\n"

    # How it is taken -------------------------------------------------------------------------------------------

    def __aiter__(self) -> WatchStream:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if not self._holds:
                line = self._next()
                if line is not None:
                    return line
            if self._ended:
                raise StopAsyncIteration
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _next(self) -> bytes | None:
        if self._initial is not None:
            line = next(self._initial, None)
            if line is not None:
                return line
            self._initial = None
        if not self._lines:
            return None
        line = self._lines.popleft()
        self._hub.buffered_bytes -= len(line)
        return line

    @property
    def buffered_bytes(self) -> int:
        """How much it holds that nobody has taken."""
        return sum(map(len, self._lines))

    async def aclose(self) -> None:
        """End the watch; what is buffered is dropped."""
        self.drop()

    def drop(self) -> None:
        """End now, and show nothing of what is buffered."""
        self._hub.buffered_bytes -= self.buffered_bytes
        self._lines.clear()
        self._initial = None
        self.end()

    def end(self) -> None:
        """Let the watch end when its buffer is empty."""
        if not self._ended:
            self._ended = True
            self._timer.cancel()
            self._hub.leave(self._bucket, self)
            self._wake()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    def hold(self) -> None:
        """Give nothing until as many times released; what is held when it ends is lost."""
        self._holds += 1

    def release(self) -> None:
        """Take one hold off."""
        self._holds -= 1
        self._wake()

    def cut(self, *, expired: bool = False) -> None:
        """End now, perhaps with the word that what comes next is forgotten."""
        if expired and not self._ended:
            revision = self._hub.store.revision
            self._expire(f"too old resource version: {revision - 1} ({revision})")
        self.end()

    def _expire(self, detail: str) -> None:
        self._put(b'{"type":"ERROR","object":' + encode(status.expired(detail).body()) + b"}\n")
        self.end()

    def _put(self, line: bytes) -> None:
        if len(self._lines) >= BUFFERED_LINES:
            self.drop()
            return
        self._lines.append(line)
        hub = self._hub
        hub.buffered_bytes += len(line)
        if hub.buffered_bytes > BUFFERED_BYTES:
            hub.relieve()
        if self._waiter is not None:
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_timer(self) -> asyncio.TimerHandle:
        due = min(self._ends_at, self._next_bookmark) if self._plan.bookmarks else self._ends_at
        return self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        # A loop calls what is due within its clock's resolution: early is on time, or it would be set for ever.
        now = self._loop.time() + _EARLY_SECONDS
        if now >= self._ends_at:
            self.end()
            return
        self._put(self._bookmark(self._hub.store.revision))
        self._next_bookmark = self._bookmark_after(now)
        if not self._ended:
            self._timer = self._set_timer()

    def _bookmark_after(self, now: float) -> float:
        """Return when the next bookmark is due: each period, and shortly before the end."""
        last = self._ends_at - LAST_BOOKMARK_SECONDS
        return min(now + self._hub.bookmark_seconds, last) if now < last else self._ends_at


def _seen(change: Change, selection: Selection) -> tuple[str, Record] | None:
    """Return what a change is to a selection: an object may enter or leave it without being created or deleted."""
    before = change.previous is not None and selection.matches(change.previous.obj)
    after = change.type != "DELETED" and selection.matches(change.record.obj)
    if after:
        return ("MODIFIED" if before else "ADDED"), change.record
    if not before or change.previous is None:
        return None
    if change.type == "DELETED":
        return "DELETED", change.record
    # The object as it was last seen, at the version that took it away.
    gone = change.previous.obj
    metadata = {**gone["metadata"], "resourceVersion": str(change.revision)}
    return "DELETED", Record(change.record.key, {**gone, "metadata": metadata}, change.revision)
