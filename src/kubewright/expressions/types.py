"""The types that expressions have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CelType:
    """A type: its name, the types in it, and an object's fields. `encoded`: JSON has it as text."""

    name: str
    inner: tuple[CelType, ...] = ()
    fields: Mapping[str, CelType] | None = field(default=None, compare=False, hash=False)
    encoded: bool = False

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.inner))})" if self.inner else self.name


DYN = CelType("dyn")
BOOL = CelType("bool")
STRING = CelType("string")
NULL = CelType("null_type")


def list_of(item: CelType) -> CelType:
    """Return the type of a list."""
    return CelType("list", (item,))


def map_of(key: CelType, value: CelType) -> CelType:
    """Return the type of a map."""
    return CelType("map", (key, value))


def optional_of(value: CelType) -> CelType:
    """Return the type of what may be absent."""
    return CelType("optional_type", (value,))
