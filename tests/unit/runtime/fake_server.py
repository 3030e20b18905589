"""An API server as small as the runtime's tests need it: one version counter, lists, watches, and faults on demand."""

import asyncio
import copy
import random
from collections import deque

import msgspec

from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.client.protocol import EventType, Listing, Undecodable, WatchEvent
from kubewright.errors import ErrorKind, OpError


class Thing(KubeObject, frozen=True, kw_only=True):
    spec: dict[str, int] = msgspec.field(default_factory=dict)


BOOKMARK_SECONDS = 60.0
THINGS = Resource("example.com", "v1", "things", "Thing", Thing)


def thing_key(name):
    return ObjectKey("ns", name)


def seeded(seed=1):
    return random.Random(seed)


def failure(kind=ErrorKind.UNAVAILABLE, detail="connection reset", **more):
    return OpError("client.test", kind, "Thing", detail, **more)


class FakeServer:
    """The part of `Client` that the runtime calls. Faults: `failures[verb]` are raised, one a call, in order."""

    def __init__(self, *, streams_lists=True):
        self.streams_lists = streams_lists
        self.version = 0
        self.compacted = 0
        self.failures = {"list": deque(), "watch": deque(), "get": deque(), "create": deque(), "update": deque()}
        self.failures["patch"] = deque()
        self.hang = set()
        self.calls = []
        self.documents: dict[tuple[str, ObjectKey], Manifest] = {}
        self._history = []
        self._uids = 0
        self._watches = []
        self._frozen = False

    # What tests do to the world.

    def put(self, name, value=0, *, plural="things", **metadata):
        """Create or change an object behind everyone's back."""
        key = thing_key(name)
        old = self.documents.get((plural, key))
        uid = old["metadata"]["uid"] if old else self._new_uid()
        document = {"metadata": {"name": name, "namespace": "ns", "uid": uid, **metadata}, "spec": {"value": value}}
        return self._store(plural, key, document, EventType.MODIFIED if old else EventType.ADDED)

    def remove(self, name, *, plural="things"):
        key = thing_key(name)
        document = self.documents.pop((plural, key), None)
        if document is not None:
            self._record(plural, copy.deepcopy(document), EventType.DELETED)

    def compact(self):
        """Forget all history: whoever is behind gets EXPIRED."""
        self.compacted = self.version
        self._history = [entry for entry in self._history if entry[0] > self.compacted]

    def end_watches(self, error=None):
        for watch in self._watches:
            watch.end(error)

    def freeze(self, frozen=True):
        """Stop delivering events, or go on."""
        self._frozen = frozen
        self._wake()

    @property
    def watching(self):
        return len(self._watches)

    def things(self):
        return {key: doc for (plural, key), doc in self.documents.items() if plural == "things"}

    # What clients do.

    async def list(self, resource, **options):
        await self._call("list")
        listing = [doc for (plural, _), doc in self.documents.items() if plural == resource.plural]
        items, broken = [], []
        for document in listing:
            try:
                items.append(msgspec.convert(document, resource.type))
            except msgspec.ValidationError as error:
                meta = document["metadata"]
                broken.append(Undecodable(ObjectKey(meta["namespace"], meta["name"]), str(error)))
        return Listing(items, str(self.version), broken)

    async def watch(self, resource, *, resource_version="", send_initial_events=False, **options):
        await self._call("watch")
        position = int(resource_version or 0)
        if send_initial_events:
            position = self.version
            for event in self._initial_events(resource):
                yield event
        watch = _Watch()
        self._watches.append(watch)
        try:
            while not watch.ended:
                for version, event in self._news(resource, position):
                    position = version
                    if event is not None:
                        yield event
                    if watch.ended:
                        break
                if not await watch.news_within(BOOKMARK_SECONDS) and not self._frozen:
                    yield WatchEvent(EventType.BOOKMARK, None, str(position))
            if watch.error is not None:
                raise watch.error
        finally:
            self._watches.remove(watch)

    def _initial_events(self, resource):
        if not self.streams_lists:
            raise failure(ErrorKind.INVALID, "sendInitialEvents is forbidden")
        documents = [doc for (plural, _), doc in self.documents.items() if plural == resource.plural]
        events = [self._event(resource, EventType.ADDED, document) for document in documents]
        return [*events, WatchEvent(EventType.BOOKMARK, None, str(self.version), initial_done=True)]

    def _news(self, resource, position):
        if self._frozen:
            return []
        if position < self.compacted:
            raise failure(ErrorKind.EXPIRED, "too old resource version")
        return [
            (version, self._event(resource, kind, document) if plural == resource.plural else None)
            for version, plural, document, kind in self._history
            if version > position
        ]

    async def get(self, resource, key, **options):
        await self._call("get")
        return msgspec.convert(self._existing(resource, key), resource.type)

    async def create(self, resource, manifest, *, namespace="", name="", **options):
        await self._call("create")
        key = _key_of(manifest)
        if (resource.plural, key) in self.documents:
            raise failure(ErrorKind.ALREADY_EXISTS, f"{key} exists")
        document = copy.deepcopy(manifest)
        document["metadata"]["uid"] = self._new_uid()
        return msgspec.convert(self._store(resource.plural, key, document, EventType.ADDED), resource.type)

    async def update(self, resource, manifest, **options):
        await self._call("update")
        key = _key_of(manifest)
        old = self._existing(resource, key)
        if manifest["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
            raise failure(ErrorKind.CONFLICT, "the object has been modified")
        document = copy.deepcopy(manifest)
        return msgspec.convert(self._store(resource.plural, key, document, EventType.MODIFIED), resource.type)

    async def patch(self, resource, key, patch, patch_type=None, **options):
        await self._call("patch")
        document = copy.deepcopy(self._existing(resource, key))
        document.update(patch)
        return msgspec.convert(self._store(resource.plural, key, document, EventType.MODIFIED), resource.type)

    async def _call(self, verb):
        self.calls.append(verb)
        await asyncio.sleep(0)
        if verb in self.hang:
            await asyncio.Event().wait()
        if self.failures[verb]:
            raise self.failures[verb].popleft()

    def _existing(self, resource, key):
        document = self.documents.get((resource.plural, key))
        if document is None:
            raise failure(ErrorKind.NOT_FOUND, f"{key} not found")
        return document

    def _new_uid(self):
        self._uids += 1
        return f"uid-{self._uids}"

    def _store(self, plural, key, document, kind):
        self.documents[plural, key] = document
        return self._record(plural, document, kind)

    def _record(self, plural, document, kind):
        self.version += 1
        document["metadata"]["resourceVersion"] = str(self.version)
        self._history.append((self.version, plural, copy.deepcopy(document), kind))
        self._wake()
        return document

    def _wake(self):
        for watch in self._watches:
            watch.wake()

    def _event(self, resource, kind, document):
        meta = document["metadata"]
        key = ObjectKey(meta["namespace"], meta["name"])
        try:
            obj = msgspec.convert(document, resource.type)
        except msgspec.ValidationError as error:
            gone = kind is EventType.DELETED
            kind = kind if gone else EventType.UNDECODABLE
            return WatchEvent(kind, None, meta["resourceVersion"], key, str(error))
        return WatchEvent(kind, obj, meta["resourceVersion"], key)


class _Watch:
    def __init__(self):
        self.ended = False
        self.error = None
        self._news = asyncio.Event()

    def end(self, error):
        self.ended, self.error = True, error
        self._news.set()

    def wake(self):
        self._news.set()

    async def news_within(self, seconds):
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True


def _key_of(manifest):
    return ObjectKey(manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])
