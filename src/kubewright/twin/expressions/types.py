"""The types of expressions, and those that a CRD's schema gives to its fields.

`declared` reads a schema as Kubernetes does (`common.SchemaDeclType`): what has no type of its own cannot be asked for,
and names that are no CEL identifiers are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, text

_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_IDENTIFIER = re.compile(r"[a-zA-Z_./-][a-zA-Z0-9_./-]*", re.ASCII)
_ESCAPED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SPECIAL = re.compile(r"__|[-./]")
_META = {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}}
_FORMATS = {"byte": "bytes", "duration": "duration", "date": "timestamp", "date-time": "timestamp"}
_SCALARS = {"integer": "int", "number": "double", "boolean": "bool"}


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


def escape(name: str) -> str | None:
    """Return a field's name as expressions have it; None for what they cannot name."""
    if not _IDENTIFIER.fullmatch(name):
        return None
    if name in _RESERVED:
        return f"__{name}__"
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], name)


def with_identity(schema: Manifest) -> Manifest:
    """Return a resource's root schema with what is always there."""
    text_type = {"type": "string"}
    known = {**as_dict(schema.get("properties")), "apiVersion": text_type, "kind": text_type, "metadata": _META}
    return {**schema, "properties": known}


def declared(schema: Manifest, *, root: bool = False) -> CelType | None:
    """Return the type of what a schema describes; None when expressions may not see it."""
    if schema.get("x-kubernetes-int-or-string"):
        return DYN
    if root or schema.get("x-kubernetes-embedded-resource"):
        schema = with_identity(schema)
    kind = text(schema, "type")
    match kind:
        case "array":
            item = declared(as_dict(schema["items"])) if isinstance(schema.get("items"), dict) else None
            return None if item is None else list_of(item)
        case "object":
            return _object(schema)
        case "string":
            name = _FORMATS.get(text(schema, "format"), "string")
            return CelType(name, encoded=name in {"timestamp", "duration"})
        case _:
            return CelType(_SCALARS[kind]) if kind in _SCALARS else None


def _object(schema: Manifest) -> CelType | None:
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        value = declared(as_dict(additional))
        return None if value is None else map_of(STRING, value)
    fields: dict[str, CelType] = {}
    for name, child in as_dict(schema.get("properties")).items():
        kind, known = declared(as_dict(child)), escape(name)
        if kind is not None and known is not None:
            fields[known] = kind
    return CelType("object", fields=fields)
