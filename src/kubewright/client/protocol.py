"""The Client that everything above uses, and the data that passes through it.

Contract
- Every method raises OpError and nothing else (cancellation aside). `kind` follows the Status reason: a missing object
  is NOT_FOUND, a name taken ALREADY_EXISTS, a stale version or a field manager's conflict CONFLICT, a watch or a page
  token too old EXPIRED, a refused object INVALID with its causes.
- A watch ends without an error when the server closes it; the caller watches again from the last resourceVersion.
- Deleting an object that was read sends its uid as a precondition: a stale view never deletes its namesake.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource

T = TypeVar("T", bound=KubeObject)

Propagation = Literal["Foreground", "Background", "Orphan"]


class PatchType(enum.Enum):
    """The patch kinds besides server-side apply, by media type."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


class EventType(enum.Enum):
    """What a watch says of an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    UNDECODABLE = "UNDECODABLE"
    """The object does not decode into its Struct: `obj` is None, `error` says why, and the watch goes on."""


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One change. A BOOKMARK has no object, only the version reached."""

    type: EventType
    obj: T | None
    resource_version: str
    key: ObjectKey | None = None
    error: str = ""
    initial_done: bool = False
    """On the bookmark that closes a watch's initial events (`k8s.io/initial-events-end`)."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """An object of a list that does not decode: data, not a failure of the list."""

    key: ObjectKey
    error: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """All pages of a list, as of one resourceVersion."""

    items: Sequence[T]
    resource_version: str
    undecodable: Sequence[Undecodable] = ()

    @property
    def problem(self) -> str:
        """Say what could not be understood; nothing where all could."""
        if not self.undecodable:
            return ""
        first = self.undecodable[0]
        return f"{len(self.undecodable)} could not be understood, such as {first.key}: {first.error}"


class Client(Protocol):
    """An API server, typed. Implementations: `RestClient` over HTTP or in process, and `RecordingClient`."""

    async def get(self, resource: Resource[T], key: ObjectKey, *, subresource: str = "") -> T:
        """Read one object."""
        ...

    async def list(
        self,
        resource: Resource[T],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        page_size: int = 500,
    ) -> Listing[T]:
        """Read all objects, page by page; an expired page token starts over once without paging."""
        ...

    def watch(
        self,
        resource: Resource[T],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        send_initial_events: bool = False,
        timeout_seconds: float | None = None,
    ) -> AsyncIterator[WatchEvent[T]]:
        """Follow changes after `resource_version`, bookmarks included; ends when the server ends it."""
        ...

    async def create(
        self,
        resource: Resource[T],
        manifest: Manifest,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        field_manager: str = "",
        dry_run: bool = False,
    ) -> T:
        """Create an object, or with `name` and `subresource` post to one (`binding`, `eviction`, `token`)."""
        ...

    async def update(
        self,
        resource: Resource[T],
        manifest: Manifest,
        *,
        subresource: str = "",
        field_manager: str = "",
        dry_run: bool = False,
    ) -> T:
        """Replace an object whole; for documents that are owned whole, such as leases."""
        ...

    async def apply(
        self,
        resource: Resource[T],
        manifest: Manifest,
        *,
        field_manager: str,
        force: bool = True,
        subresource: str = "",
        dry_run: bool = False,
    ) -> T:
        """Server-side apply: create the object or make the fields of `manifest` so, and own them."""
        ...

    async def patch(
        self,
        resource: Resource[T],
        key: ObjectKey,
        patch: Manifest | Sequence[Mapping[str, Any]],
        patch_type: PatchType = PatchType.MERGE,
        *,
        subresource: str = "",
        field_manager: str = "",
        dry_run: bool = False,
    ) -> T:
        """Change single fields."""
        ...

    async def delete(
        self,
        resource: Resource[T],
        target: T | ObjectKey,
        *,
        uid: str = "",
        propagation: Propagation | None = None,
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete an object; one that was read, or whose `uid` is given, only if it is still the same."""
        ...

    async def raw(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Ask for what has no typed form (discovery, /version) and return the decoded JSON, or text."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
