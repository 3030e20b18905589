"""What every object has, and how a kind is named.

Objects are msgspec Structs that decode only the fields kubewright reads: five times faster and seven times smaller
than whole objects as dicts. Because they are partial they are never written back; what is written is a `Manifest`,
a plain JSON document, by server-side apply or patch.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, NoReturn, TypeAlias, TypeVar

import msgspec

Manifest: TypeAlias = dict[str, Any]
"""An object as a JSON document, as it is sent to an API server."""


class _Empty(dict[str, Any]):
    """The one empty mapping that all objects share: a default of `{}` would be 64 bytes for each absent field."""

    __slots__ = ()

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        raise TypeError("typed objects are never changed")

    update = setdefault = __ior__ = __setitem__  # pyright: ignore[reportAssignmentType]  # all refuse alike


EMPTY: Mapping[str, Any] = _Empty()


class Leaf(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The base of every part of an object: JSON has no cycles, so the garbage collector never needs to look at it."""


class OwnerReference(Leaf, frozen=True):
    """The object that this one is deleted with."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(Leaf, frozen=True):
    """The part of `metadata` that is read. Timestamps stay RFC 3339 text: most are never looked at."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: Mapping[str, str] = EMPTY
    annotations: Mapping[str, str] = EMPTY
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()
    generate_name: str = ""

    @property
    def created_at(self) -> float:
        """Return when the object was made, in seconds since 1970; 0 where nobody said. Raises ValueError."""
        return parse_time(self.creation_timestamp) if self.creation_timestamp else 0.0

    @property
    def seniority(self) -> tuple[str, str]:
        """Return what puts objects in order, the oldest first."""
        return self.creation_timestamp or "", self.name


class KubeObject(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The base of every typed object."""

    metadata: ObjectMeta = ObjectMeta()

    @property
    def key(self) -> ObjectKey:
        """Return namespace and name."""
        return ObjectKey(self.metadata.namespace, self.metadata.name)


class PartialObject(KubeObject, frozen=True, kw_only=True, gc=False):
    """An object of any kind of which only the metadata is read."""


class ObjectKey(NamedTuple):
    """An object's identity within its kind; `namespace` is empty for cluster-scoped kinds.

    A tuple, since it is hashed for every look into a cache, which a Struct would do in Python.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def manifest_key(manifest: Manifest) -> ObjectKey:
    """Return the namespace and name that a manifest says."""
    metadata = manifest["metadata"]
    return ObjectKey(metadata.get("namespace", ""), metadata["name"])


T = TypeVar("T", bound=KubeObject)


@dataclass(frozen=True, slots=True)
class Resource(Generic[T]):
    """A kind as the API serves it, and the Struct that its objects decode into."""

    group: str
    version: str
    plural: str
    kind: str
    type: type[T]
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return `v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def target(self, key: ObjectKey) -> str:
        """Name one object in messages: `Pod/ns/a`."""
        return f"{self.kind}/{key}"


_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""Of the year 1, and of the year 9999."""


def rfc3339(seconds: float) -> str:
    """Write seconds since 1970 as metadata timestamps are written: whole seconds, UTC, in the years 1 to 9999."""
    return f"{_to_the_second(int(min(max(seconds, _FIRST_SECOND), _LAST_SECOND)))}Z"


def rfc3339_micro(seconds: float) -> str:
    """Write seconds since 1970 as a MicroTime (leases, events)."""
    whole, micros = divmod(round(seconds * 1e6), 1_000_000)
    return f"{_to_the_second(whole)}.{micros:06d}Z"


@functools.lru_cache(maxsize=64)
def _to_the_second(seconds: int) -> str:
    """Kept for a while: much is written within one second, and `strftime` takes as long as encoding a pod."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def parse_time(text: str) -> float:
    """Read an RFC 3339 timestamp as seconds since 1970; raises ValueError."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        # API servers also take letters that are small, and the year 0, which counts as the first that there is.
        other = text.upper()
        other = f"0001{other[4:]}" if other.startswith("0000-") else other
        if other == text:
            raise
        return datetime.fromisoformat(other).timestamp()


def seconds_of(text: str | None, otherwise: float = 0.0) -> float:
    """Read a timestamp that may be missing, or be nonsense that somebody has written by hand."""
    try:
        return parse_time(text) if text else otherwise
    except ValueError:
        return otherwise


def as_seen(obj: KubeObject, changes: Manifest) -> Manifest:
    """Return a patch with which the very object is changed, as long as nobody has changed it since."""
    metadata = {"uid": obj.metadata.uid, "resourceVersion": obj.metadata.resource_version}
    return {**changes, "metadata": {**changes.get("metadata", {}), **metadata}}


def controller_of(obj: KubeObject) -> OwnerReference | None:
    """Return the one owner that manages the object (`metav1.GetControllerOf`)."""
    for reference in obj.metadata.owner_references:  # a loop, since it is asked at every turn of everything
        if reference.controller:
            return reference
    return None
