"""Paths into a schema that users write: a rule's `fieldPath`, a version's selectable fields."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict

_PIECES = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]']+")
_NO_FIELD = "does not refer to a valid field"


class PathError(Exception):
    """A path leads nowhere; its text says why."""


@dataclass(frozen=True, slots=True)
class SchemaPath:
    """Where a path leads: as field errors write it, and the schema there."""

    text: str
    schema: Manifest


def follow(path: str, schema: Manifest, *, brackets: bool = True) -> SchemaPath:
    """Follow a path such as `.spec.items['a']`; raises PathError."""
    pieces = iter(_PIECES.findall(path))
    shown = ""
    for piece in pieces:
        if piece == "[" and not brackets:
            raise PathError("array notation is not allowed")
        if piece not in {".", "["}:
            raise PathError(f"expected [ or . but got: {piece}")
        name = next(pieces, None)
        if name is None:
            raise PathError(_NO_FIELD if piece == "." else "unexpected end of JSON path")
        if piece == "[":
            if not name.startswith("'"):
                raise PathError(f"expected single quoted string but got {name}")
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
            if next(pieces, None) != "]":
                raise PathError("unexpected end of JSON path")
        shown, schema = _into(shown, schema, name)
    return SchemaPath(shown, schema)


def _into(shown: str, schema: Manifest, name: str) -> tuple[str, Manifest]:
    properties, additional = schema.get("properties"), schema.get("additionalProperties")
    if properties is not None:
        child = as_dict(properties).get(name)
        if child is None:
            raise PathError(_NO_FIELD)
        return (f"{shown}.{name}" if shown else name), as_dict(child)
    if isinstance(additional, dict):
        return f"{shown}[{name}]", as_dict(additional)
    raise PathError(_NO_FIELD)
