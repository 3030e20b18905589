"""Bytes to typed objects: lists, single objects and watch lines, straight into a resource's Struct.

The common way is one pass by msgspec. Only when that fails is the document taken apart again with its objects left
raw, so that one object that does not decode is reported and costs neither its list nor its watch.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.client.protocol import EventType, Undecodable, WatchEvent
from kubewright.client.status import Status, error_from_status
from kubewright.errors import ErrorKind, OpError

T = TypeVar("T", bound=KubeObject)
U = TypeVar("U")

_CHANGES = {each.value: each for each in (EventType.ADDED, EventType.MODIFIED, EventType.DELETED)}
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class PageMeta(msgspec.Struct, frozen=True, gc=False):
    """The metadata of one page of a list."""

    resource_version: str = msgspec.field(name="resourceVersion", default="")
    next_token: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct, Generic[U]):
    metadata: PageMeta = PageMeta()
    items: list[U] | None = None


class _Line(msgspec.Struct, Generic[U]):
    type: str
    object: U


class _Name(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    annotations: dict[str, str] | None = None


class _Named(msgspec.Struct):
    metadata: _Name = _Name()


_raw_line = msgspec.json.Decoder(_Line[msgspec.Raw])
_raw_page = msgspec.json.Decoder(_Page[msgspec.Raw])
_named = msgspec.json.Decoder(_Named)
_status = msgspec.json.Decoder(Status)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    items: list[T]
    undecodable: list[Undecodable]
    meta: PageMeta


class Decoder(Generic[T]):
    """The decoders of one Struct; get it from `decoder_for`, which builds each once."""

    def __init__(self, type_: type[T]) -> None:
        self._one: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)
        # A Struct subscripted with a value is a type to msgspec, but not to the type checker.
        self._page: msgspec.json.Decoder[_Page[T]] = msgspec.json.Decoder(_parametrised(_Page, type_))
        self._line: msgspec.json.Decoder[_Line[T]] = msgspec.json.Decoder(_parametrised(_Line, type_))

    def one(self, op: str, target: str, body: bytes) -> T:
        """Decode one object; raises OpError INVALID."""
        try:
            return self._one.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OpError(op, ErrorKind.INVALID, target, f"the object does not decode: {error}") from error

    def page(self, op: str, target: str, body: bytes) -> Page[T]:
        """Decode one page of a list; raises OpError UNAVAILABLE when it is no list at all."""
        try:
            page = self._page.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._page_one_by_one(op, target, body)
        return Page(page.items or [], [], page.metadata)

    def _page_one_by_one(self, op: str, target: str, body: bytes) -> Page[T]:
        try:
            page = _raw_page.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OpError(op, ErrorKind.UNAVAILABLE, target, f"the answer is not a list: {error}") from error
        items: list[T] = []
        undecodable: list[Undecodable] = []
        for raw in page.items or []:
            try:
                items.append(self._one.decode(raw))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                undecodable.append(Undecodable(_identity(raw)[0], str(error)))
        return Page(items, undecodable, page.metadata)

    def event(self, op: str, target: str, line: bytes) -> WatchEvent[T] | None:
        """Decode a watch line; None for a type that is not known. An ERROR event raises the OpError it carries."""
        try:
            typed = self._line.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._odd_event(op, target, line, str(error))
        change = _CHANGES.get(typed.type)
        if change is None:
            return self._odd_event(op, target, line, "")
        obj = typed.object
        metadata = obj.metadata
        return WatchEvent(change, obj, metadata.resource_version, ObjectKey(metadata.namespace, metadata.name))

    def _odd_event(self, op: str, target: str, line: bytes, problem: str) -> WatchEvent[T] | None:
        """Read what is no plain change: a bookmark, an error, or an object that does not decode."""
        try:
            raw = _raw_line.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OpError(op, ErrorKind.UNAVAILABLE, target, f"the watch broke off in an event: {error}") from error
        if raw.type == "ERROR":
            raise error_from_status(op, target, _read_status(raw.object))
        if raw.type == "BOOKMARK":
            _, version, annotations = _identity(raw.object)
            done = annotations.get(_INITIAL_EVENTS_END) == "true"
            return WatchEvent(EventType.BOOKMARK, None, version, initial_done=done)
        if raw.type not in _CHANGES:
            return None
        key, version, _ = _identity(raw.object)
        # That it is gone is news even when its last state does not decode.
        kind = EventType.DELETED if raw.type == "DELETED" else EventType.UNDECODABLE
        return WatchEvent(kind, None, version, key, problem)


def _read_status(raw: msgspec.Raw) -> Status:
    try:
        return _status.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Status(code=500, message=f"the watch ended with an error that does not decode: {error}")


def _identity(raw: msgspec.Raw) -> tuple[ObjectKey, str, dict[str, str]]:
    """Return key, version and annotations of an object that may be wrong elsewhere."""
    try:
        metadata = _named.decode(raw).metadata
    except (msgspec.DecodeError, UnicodeDecodeError):
        metadata = _Name()
    return ObjectKey(metadata.namespace, metadata.name), metadata.resource_version, metadata.annotations or {}


def _parametrised(generic: Any, type_: type[KubeObject]) -> Any:
    return generic[type_]


@functools.cache
def _decoder(type_: type[KubeObject]) -> Decoder[Any]:
    return Decoder(type_)


def decoder_for(type_: type[T]) -> Decoder[T]:
    """Return the decoder of a Struct."""
    return _decoder(type_)
