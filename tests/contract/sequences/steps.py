"""One write (or read) of a random sequence, as data: the same step is done to both clusters.

A step names an object of a small pool, so that steps meet. What a step needs of the object's present state (version,
uid, fields) each side takes from what it saw last.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
Document: TypeAlias = dict[str, Any]


class Removed:
    """What an edit that takes a field away puts there."""

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED = Removed()


@dataclass(frozen=True)
class Edit:
    """A value at a path; a number in the path is a place in a list."""

    path: Path
    value: Any
    directive: bool = False
    """Only strategic merge patches know what it means."""


@dataclass(frozen=True)
class Kind:
    """A kind that sequences write: its path, an object that is valid, and what may be done to it."""

    root: str
    plural: str
    base: Document
    edits: tuple[Edit, ...]
    status: tuple[Edit, ...] = ()
    scale: bool = False
    custom: bool = False
    namespaced: bool = True

    def document(self, name: str) -> Document:
        """Make the valid object of a name."""
        made = copy.deepcopy(self.base)
        made["metadata"] = {**made.get("metadata", {}), "name": name}
        return made


@dataclass(frozen=True)
class Step:
    """One request, before the sides fill it in."""

    verb: str
    kind: str
    name: str
    edits: tuple[Edit, ...] = ()
    operations: tuple[str, ...] = ()
    """Of a JSON patch, one an edit."""
    query: tuple[tuple[str, str], ...] = ()
    subresource: str = ""
    version: str = ""
    """Of the object that is sent: "" (what was read), "none", "stale" or "wrong"."""
    options: Document = field(default_factory=dict[str, Any])
    """Of a deletion."""
    whole: bool = False
    """An apply that holds all of the valid object, not only its edits."""

    def __str__(self) -> str:
        parts = [self.verb, f"{self.kind}/{self.name}", self.subresource, self.version and f"version={self.version}"]
        parts += [f"{name}={value}" for name, value in self.query]
        parts += [f"{'.'.join(map(str, edit.path))}={str(edit.value)[:200]!r}" for edit in self.edits]
        parts += [str(self.operations) if self.operations else "", str(self.options) if self.options else ""]
        return " ".join(part for part in [*parts, "whole" if self.whole else ""] if part)


def edited(document: Document, edits: tuple[Edit, ...], *, removed: Any = REMOVED) -> Document:
    """Copy a document with edits made; `removed` stands where one takes a field away (REMOVED takes it away)."""
    made = copy.deepcopy(document)
    for edit in edits:
        _put(made, edit.path, removed if edit.value is REMOVED else edit.value)
    return made


def _put(place: Any, path: Path, value: Any) -> None:
    first, *rest = path
    if isinstance(first, int):
        if not isinstance(place, list):
            return
        first = min(first, len(place))
        if first == len(place):
            place.append({})
    elif not isinstance(place, dict):
        return
    if not rest:
        if value is not REMOVED:
            place[first] = copy.deepcopy(value)
        elif isinstance(place, list):
            del place[first]
        else:
            place.pop(first, None)
        return
    if isinstance(place, dict) and not isinstance(place.get(first), dict | list):
        place[first] = [] if isinstance(rest[0], int) else {}
    _put(place[first], tuple(rest), value)


def json_patch(edits: tuple[Edit, ...], operations: tuple[str, ...]) -> list[Document]:
    """Make a JSON patch's operations of edits."""
    patch: list[Document] = []
    for edit, operation in zip(edits, operations, strict=False):
        parts = [str(part).replace("~", "~0").replace("/", "~1") for part in edit.path]
        entry: Document = {"op": operation, "path": "".join(f"/{part}" for part in parts)}
        if operation in {"copy", "move"}:
            entry["from"] = "/metadata/labels"
        elif operation != "remove":
            entry["value"] = None if edit.value is REMOVED else edit.value
        patch.append(entry)
    return patch
