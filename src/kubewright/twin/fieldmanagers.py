"""Who set which field: the registry's and the verbs' way to the managed fields that `store.patch` computes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.errors import OpError
from kubewright.store.patch.apply import server_side_apply
from kubewright.store.patch.errors import MALFORMED, UNPROCESSED, ApplyConflictError
from kubewright.store.patch.fields import Fields
from kubewright.store.patch.managed import track_update
from kubewright.twin import status
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import dicts


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, when, and through which endpoint."""

    manager: str
    now: str
    subresource: str = ""


def track(old: Manifest | None, obj: Manifest, kind: KindInfo, author: Author) -> Manifest:
    """Record the caller as the manager of what this create, update or patch changed.

    Returns a new document, or `old` itself when nothing changed.
    """
    return track_update(
        old,
        obj,
        kind.schema,
        manager=author.manager or "unknown",
        api_version=kind.api_version,
        now=author.now,
        subresource=author.subresource,
        ignored=_reset(kind, author.subresource) if old is not None else _unset(kind, obj),
    )


def _unset(kind: KindInfo, obj: Manifest) -> Fields | None:
    """Return the fields of a new object that nobody has set: its status is reset, and its nulls are Go's own.

    Go writes a list that it must not leave out as null, and compares a new object with one that has nothing.
    """
    reset = _reset(kind, "") or {}
    nulls: Fields = {} if kind.custom else {f"f:{name}": {} for name, part in obj.items() if part is None}
    return {**reset, **nulls} or None


def apply(live: Manifest | None, applied: Manifest, kind: KindInfo, author: Author, *, force: bool) -> Manifest:
    """Server-side apply; raises 409 with one cause for each field of another manager."""
    with refused_patches():
        return server_side_apply(
            live,
            applied,
            kind.schema,
            manager=author.manager,
            api_version=kind.api_version,
            now=author.now,
            subresource=author.subresource,
            force=force,
            ignored=_reset(kind, author.subresource),
        )


@contextmanager
def refused_patches() -> Generator[None]:
    """Turn what `store.patch` refuses into the answer that the API server gives."""
    try:
        yield
    except ApplyConflictError as error:
        raise status.apply_conflict(error.conflicts) from error
    except OpError as error:
        if error.op == UNPROCESSED or error.detail.startswith("failed to create typed patch object"):
            raise status.StatusError(500, "", error.detail) from error
        if error.op != MALFORMED:
            message = "the server rejected our request due to an error in our request"
            raise status.StatusError(422, "Invalid", message, {}) from error
        raise status.bad_request(error.detail) from error


def _reset(kind: KindInfo, subresource: str) -> Fields | None:
    """Return the fields that an endpoint puts back, so that nobody comes to own them there."""
    if subresource == "status":
        return {"f:spec": {}, "f:metadata": {}} if kind.custom else {"f:spec": {}}
    return {"f:status": {}} if kind.has_status else None


def same_but_for_times(obj: Manifest, old: Manifest) -> bool:
    """Tell whether two versions differ in nothing but when their managers last changed something."""
    if any(obj.get(name) != old.get(name) for name in {**old, **obj} if name != "metadata"):
        return False
    metadata, old_metadata = obj["metadata"], old["metadata"]
    if any(metadata.get(name) != old_metadata.get(name) for name in {**old_metadata, **metadata} if name != _MANAGED):
        return False
    return _untimed(metadata) == _untimed(old_metadata)


_MANAGED = "managedFields"


def _untimed(metadata: Manifest) -> list[Manifest]:
    entries = dicts(metadata, _MANAGED)
    return [{name: value for name, value in entry.items() if name != "time"} for entry in entries]
