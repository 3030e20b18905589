"""A live copy of one kind: list, then watch, into an Index; then those who asked are told what changed.

Controllers and the scheduler read the Index instead of asking the API server, and turn a Change into a key for their
queue. The copy survives what really happens to watches:

- The server ends them every few minutes, and where nothing came for a while this side does: watch again from the last
  version seen. Bookmarks move it on in quiet times.
- The last version has been compacted (EXPIRED): list again and compare. What was deleted meanwhile is a deletion; an
  object that was deleted and created again is one Change from the old to the new, told apart by uid.
- The server or the way to it is down: back off from 0.8 s to 30 s, jittered, and serve the last copy meanwhile.
- One object does not decode: that object is reported and keeps its last good state; the others go on.
- It lags: what the server answered to a write of this process is taken over at once (`wrote`), and what the watch tells
  of the time before that is passed over.

Where the server can stream its initial state as a watch (WatchList, the default since 1.34), no list is asked for.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from kubewright.api.interning import Interner
from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.api.selectors import parse_label_selector
from kubewright.client.protocol import Client, EventType, WatchEvent
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.backoff import Backoff
from kubewright.store.index import Index, Indexer

T = TypeVar("T", bound=KubeObject)

_log = logging.getLogger(__name__)

_QUICK_END_SECONDS = 1.0
"""A watch that ends sooner without a word has not worked, however politely it ended."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One object, before and after: `old` is None for a new one, `new` for one that is gone."""

    key: ObjectKey
    old: T | None
    new: T | None
    initial: bool = False
    """Whether it was there when the informer (or this handler) started: no news."""


Handler = Callable[[Change[T]], None]
UndecodableHandler = Callable[[ObjectKey, str], None]


class Informer(Generic[T]):
    """Keeps `index` equal to the server's objects of one kind, and tells handlers what changed.

    Handlers are called on the loop and must not block; one that raises is logged and does not keep news from others.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource[T],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        indexers: Mapping[str, Indexer[T]] | None = None,
        rng: random.Random | None = None,
        watch_list: bool = True,
    ) -> None:
        self.resource = resource
        self.index: Index[T] = Index(indexers)
        self.problem = ""
        """Why it is not following the server at present; empty while all is well."""
        self._client = client
        self._namespace = namespace
        self._label_selector = label_selector
        self._chosen = parse_label_selector(label_selector)
        self._field_selector = field_selector
        self._rng = rng or random.Random(f"{resource.group}/{resource.plural}/{namespace}")  # noqa: S311  jitter
        self._watch_list = watch_list
        self._handlers: list[Handler[T]] = []
        self._undecodable_handlers: list[UndecodableHandler] = []
        self._backoff = Backoff(0.8, 30.0, self._rng)
        self._version = ""
        self._arriving: _Arriving[T] | None = None
        self._ahead: dict[ObjectKey, int] = {}
        """The versions of what was written here and the watch has not told of yet."""
        self._interner = Interner()
        self._synced = asyncio.Event()

    @property
    def synced(self) -> bool:
        """Whether the index has held the server's whole state once."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Wait until the index has held the server's whole state once."""
        await self._synced.wait()

    def add_handler(self, handler: Handler[T]) -> None:
        """Tell `handler` of every object there is, as initial, and from then on of every change."""
        for key, obj in zip(tuple(self.index.keys()), tuple(self.index.values()), strict=True):
            self._tell(handler, Change(key, None, obj, initial=True))
        self._handlers.append(handler)

    def on_undecodable(self, handler: UndecodableHandler) -> None:
        """Tell `handler` of each object that does not decode, and why."""
        self._undecodable_handlers.append(handler)

    def wrote(self, obj: T) -> None:
        """Take over what the server answered to a write, unless the watch has been there already.

        Versions of one kind are in order: the watch is still to tell of it, and of what becomes of it, exactly if its
        version is beyond the last one seen.
        """
        version, seen = _number(obj.metadata.resource_version), _number(self._version)
        if not self.synced or self._arriving is not None or not 0 < seen < version or not self._follows(obj):
            return
        old = self.index.get(obj.key)
        if old is None or _number(old.metadata.resource_version) < version:
            self._ahead[obj.key] = version
            self.index.put(obj.key, self._interner.intern(obj))
            self._tell_all(Change(obj.key, old, obj))

    def _follows(self, obj: T) -> bool:
        """Whether the watch will tell of an object, as far as that can be said here."""
        return (
            not self._field_selector
            and self._namespace in {"", obj.metadata.namespace}
            and self._chosen.matches(obj.metadata.labels)
        )

    async def run(self) -> None:
        """Follow the server until cancelled."""
        while True:
            try:
                at_once = await self._list_and_watch()
            except OpError as error:
                at_once = self._on_error(error)
            if not at_once:
                await asyncio.sleep(self._backoff.next_seconds())

    def _on_error(self, error: OpError) -> bool:
        """Choose where to go on; return whether to do so at once."""
        if error.kind is ErrorKind.EXPIRED:
            self._version = ""
            _log.info("%s: the last version seen is too old, listing again", self.resource.plural)
            return False
        if error.kind is ErrorKind.INVALID and self._arriving is not None:
            self._page_instead()
            return True
        if self._arriving is not None and self._arriving.objects:
            # What takes longer than connections last would never be whole: a page that is lost is only a page.
            self._page_instead()
        self.problem = str(error)
        _log.warning("%s: not following: %s", self.resource.plural, error)
        return False

    def _page_instead(self) -> None:
        self._watch_list = False
        self._arriving = None
        _log.info("%s: the state did not come whole as a stream, paging instead", self.resource.plural)

    async def _list_and_watch(self) -> bool:
        """Bring the copy up to date and follow one watch to its end; return whether the next may start at once."""
        if not self._version and not self._watch_list:
            await self._list()
        loop = asyncio.get_running_loop()
        started_at, heard = loop.time(), False
        async with self._watch() as events:
            async for event in events:
                if not heard:
                    heard = True
                    self.problem = ""
                    self._backoff.reset()
                self._on_event(event)
        if self._arriving is not None:
            self._page_instead()
        if loop.time() - started_at >= _QUICK_END_SECONDS:
            self.problem = ""
            self._backoff.reset()
            return True
        return heard

    async def _list(self) -> None:
        listing = await self._client.list(
            self.resource,
            namespace=self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        for broken in listing.undecodable:
            self._report_undecodable(broken.key, broken.error)
        self.problem = ""
        self._replace(
            {obj.key: obj for obj in listing.items},
            {broken.key for broken in listing.undecodable},
            listing.resource_version,
        )

    @asynccontextmanager
    async def _watch(self) -> AsyncGenerator[AsyncIterator[WatchEvent[T]]]:
        """Open a watch from the last version, or with the whole state first; close it whatever happens."""
        self._arriving = None if self._version else _Arriving()
        events = self._client.watch(
            self.resource,
            namespace=self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            resource_version=self._version,
            send_initial_events=not self._version,
            # Watches of many clients should not end together.
            timeout_seconds=self._rng.uniform(300.0, 600.0),
        )
        try:
            yield events
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()

    def _on_event(self, event: WatchEvent[T]) -> None:
        key = event.obj.key if event.obj is not None else event.key
        if event.type is EventType.UNDECODABLE and key is not None:
            self._report_undecodable(key, event.error)
        if self._arriving is not None:
            self._on_initial_event(self._arriving, event, key)
            return
        if key is not None and not self._is_behind(key, event.resource_version):
            if event.type is EventType.DELETED:
                self._remove(key, event.obj)
            elif event.obj is not None:
                self._put(event.obj)
        self._version = event.resource_version or self._version

    def _is_behind(self, key: ObjectKey, version: str) -> bool:
        """Whether news are from before a write of ours; those that are not catch up with it."""
        ahead = self._ahead.get(key)
        if ahead is None:
            return False
        if 0 < _number(version) < ahead:
            return True
        del self._ahead[key]
        return False

    def _on_initial_event(self, arriving: _Arriving[T], event: WatchEvent[T], key: ObjectKey | None) -> None:
        """Collect the streamed state aside and take it over whole, so that the index never holds half of it."""
        if event.obj is not None:
            arriving.objects[event.obj.key] = event.obj
        elif key is not None:
            arriving.undecodable.add(key)
        if event.type is EventType.DELETED and key is not None:
            arriving.objects.pop(key, None)
        if event.initial_done:
            self._arriving = None
            self._replace(arriving.objects, arriving.undecodable, event.resource_version)

    def _put(self, obj: T) -> None:
        key = obj.key
        old = self.index.get(key)
        if old is not None and _same(old, obj):
            return
        self.index.put(key, self._interner.intern(obj))
        self._tell_all(Change(key, old, obj))

    def _remove(self, key: ObjectKey, last: T | None) -> None:
        old = self.index.get(key)
        if old is None or (last is not None and last.metadata.uid != old.metadata.uid):
            return  # not known, or the news is about a namesake that was replaced
        self.index.remove(key)
        self._tell_all(Change(key, last or old, None))

    def _replace(self, objects: Mapping[ObjectKey, T], undecodable: Iterable[ObjectKey], version: str) -> None:
        """Make the index hold the objects of a version, then tell what changed: first what is gone."""
        self._version = version
        ahead = {key for key in tuple(self._ahead) if self._is_behind(key, version)}
        objects = {key: obj for key, obj in objects.items() if key not in ahead} if ahead else objects
        kept = ahead.union(undecodable)
        initial = not self.synced
        gone = [key for key in self.index if key not in objects and key not in kept]
        changes = [Change(key, self.index.remove(key), None) for key in gone]
        for key, obj in objects.items():
            old = self.index.get(key)
            if old is None or not _same(old, obj):
                self.index.put(key, self._interner.intern(obj))
                changes.append(Change(key, old, obj, initial))
        for change in changes:
            self._tell_all(change)
        self._synced.set()

    def _tell_all(self, change: Change[T]) -> None:
        for handler in self._handlers:
            self._tell(handler, change)

    def _tell(self, handler: Handler[T], change: Change[T]) -> None:
        try:
            handler(change)
        except Exception:  # noqa: BLE001  a bug of a handler is not the end of the informer
            _log.exception("%s: a handler failed on %s", self.resource.plural, change.key)

    def _report_undecodable(self, key: ObjectKey, error: str) -> None:
        _log.warning("%s does not decode and is skipped: %s", self.resource.target(key), error)
        for handler in self._undecodable_handlers:
            handler(key, error)


class _Arriving(Generic[T]):
    """A state that is being streamed and is not whole yet."""

    def __init__(self) -> None:
        self.objects: dict[ObjectKey, T] = {}
        self.undecodable: set[ObjectKey] = set()


def _same(old: KubeObject, new: KubeObject) -> bool:
    return old.metadata.resource_version == new.metadata.resource_version and old.metadata.uid == new.metadata.uid


def _number(version: str) -> int:
    """Return a resource version as what it counts; 0 for none, and for one of a server that does not count."""
    return int(version) if version.isdecimal() else 0
