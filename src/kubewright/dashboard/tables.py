"""A screen's rows as they are, and what of them changed: worked out once for all who look.

A Table is brought up to date at most once in `seconds`, only while somebody looks and something it is made of has
changed. Rows are compared as they are sent, as JSON. Each viewer is then told of those that they may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from kubewright.api.meta import Resource
from kubewright.dashboard.access import Sight
from kubewright.runtime.rounds import surviving

QUEUED_CHANGES = 64
"""So many changes may wait for a viewer that reads slowly; then they begin anew."""


class Row(NamedTuple):
    """One line of a screen: by which name it is found again, whose it is, and what is shown."""

    id: str
    namespace: str
    shown: msgspec.Struct


@dataclass(frozen=True, slots=True)
class Topic:
    """What a screen is made of."""

    name: str
    resource: Resource[Any]
    """What its viewers must be allowed to list."""
    rows: Callable[[], Iterable[Row]]
    seconds: float = 0.5
    """At least so long lies between two looks."""


class _Sent(NamedTuple):
    namespace: str
    json: bytes


class Viewer:
    """One who looks at some tables, with what is still to be told."""

    def __init__(self) -> None:
        self._changes: asyncio.Queue[bytes] = asyncio.Queue(QUEUED_CHANGES)
        self.is_behind = False
        """Whether changes were lost on it: it must begin anew."""

    def tell(self, change: bytes) -> None:
        """Have it told, if it still follows."""
        if self._changes.full():
            self.is_behind = True
        else:
            self._changes.put_nowait(change)

    async def next(self, seconds: float) -> bytes:
        """Return the next change, or nothing if none comes for some seconds."""
        try:
            async with asyncio.timeout(seconds):
                return await self._changes.get()
        except TimeoutError:
            return b""


class Table:
    """The rows of one topic."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._rows: dict[str, _Sent] = {}
        self._dirty = asyncio.Event()
        self._viewers: dict[Viewer, Sight] = {}
        self._watched = asyncio.Event()
        self._encoder = msgspec.json.Encoder()
        self._dirty.set()

    def touch(self, change: object) -> None:
        """Hear that something changed of which it is made; informers call it."""
        del change
        self._dirty.set()

    @contextmanager
    def viewed(self, viewer: Viewer, sight: Sight) -> Generator[None]:
        """Tell a viewer of all rows that it may see, and then of changes, within the block."""
        if not self._viewers:
            self._renew()
        viewer.tell(self._message(self._rows, {}, sight, whole=True))
        self._viewers[viewer] = sight
        self._watched.set()
        try:
            yield
        finally:
            del self._viewers[viewer]
            if not self._viewers:
                self._watched.clear()

    async def run(self) -> None:
        """Keep those who look up to date until cancelled."""
        while True:
            await self._watched.wait()
            await self._dirty.wait()
            if self._viewers:
                with surviving(f"the dashboard's {self.topic.name}"):
                    self._tell(*self._renew())
            await asyncio.sleep(self.topic.seconds)

    def _renew(self) -> tuple[Mapping[str, _Sent], Mapping[str, _Sent]]:
        """Bring the rows up to date; return which are new or changed, and which are gone."""
        self._dirty.clear()
        old = self._rows
        self._rows = {row.id: _Sent(row.namespace, self._encoder.encode(row.shown)) for row in self.topic.rows()}
        changed = {name: sent for name, sent in self._rows.items() if old.get(name) != sent}
        return changed, {name: sent for name, sent in old.items() if name not in self._rows}

    def _tell(self, changed: Mapping[str, _Sent], gone: Mapping[str, _Sent]) -> None:
        if not changed and not gone:
            return
        by_sight: dict[Sight, bytes] = {}
        for viewer, sight in self._viewers.items():
            if sight not in by_sight:
                by_sight[sight] = self._message(changed, gone, sight)
            if by_sight[sight]:
                viewer.tell(by_sight[sight])

    def _message(
        self, changed: Mapping[str, _Sent], gone: Mapping[str, _Sent], sight: Sight, *, whole: bool = False
    ) -> bytes:
        """Return an event of the stream; nothing if it would say nothing."""
        rows = [each.json for each in changed.values() if sight.shows(each.namespace)]
        left = [name for name, each in gone.items() if sight.shows(each.namespace)]
        if not (rows or left or whole):
            return b""
        parts = (b'{"whole":', b"true" if whole else b"false", b',"rows":[', b",".join(rows), b'],"gone":')
        return b"".join(
            (b"event: ", self.topic.name.encode(), b"\ndata: ", *parts, self._encoder.encode(left), b"}\n\n")
        )
