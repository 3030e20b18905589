"""Defaults of stored custom objects: what was written before its schema had a default reads as if it said it.

`conversion.py` asks for every custom object that is read. Most lack nothing and are returned as they are; only the
parts of a schema that have defaults are looked at, and kinds without any cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from kubewright.api.schema import MISSING, Schema

_IDENTITY = frozenset({"apiVersion", "kind", "metadata"})


@dataclass(frozen=True, slots=True)
class Defaults:
    """The defaults of one level of a schema, and of the levels below it that have some."""

    own: Mapping[str, Any]
    below: Mapping[str, Defaults]
    others: Defaults | None = None
    """Those of a map's values."""
    items: Defaults | None = None

    def filled(self, value: Any) -> Any:
        """Return a value with what it lacks; the same value when it lacks nothing."""
        match value:
            case dict():
                return self._object(cast("dict[str, Any]", value))
            case list() if self.items is not None:
                items = cast("list[Any]", value)
                found = [self.items.filled(item) for item in items]
                return items if all(new is old for new, old in zip(found, items, strict=True)) else found
            case _:
                return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        found = {name: default for name, default in self.own.items() if name not in value}
        parts = value | found if found else value
        for name, below in self.below.items():
            _fill(name, below, parts, found)
        if self.others is not None:
            for name in value:
                _fill(name, self.others, parts, found)
        return value | found if found else value


def _fill(name: str, below: Defaults, parts: Mapping[str, Any], found: dict[str, Any]) -> None:
    part = parts.get(name)
    filled = below.filled(part)
    if filled is not part:
        found[name] = filled


def stored_defaults(schema: Schema, *, root: bool = True) -> Defaults | None:
    """Return the defaults in a custom kind's schema; None when it has none."""
    known = {
        name: child
        for name, child in schema.properties.items()
        if not (name in _IDENTITY and (root or schema.embedded_resource))
    }
    below = {name: stored_defaults(child, root=False) for name, child in known.items()}
    defaults = Defaults(
        own={name: child.default for name, child in known.items() if child.default is not MISSING},
        below={name: found for name, found in below.items() if found is not None},
        others=stored_defaults(schema.additional, root=False) if isinstance(schema.additional, Schema) else None,
        items=None if schema.items is None else stored_defaults(schema.items, root=False),
    )
    return defaults if defaults.own or defaults.below or defaults.others or defaults.items else None
