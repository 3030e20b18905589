"""The types that a CRD's schema gives to its fields in expressions.

`declared` reads a schema as Kubernetes does (`common.SchemaDeclType`): what has no type of its own cannot be asked for,
and names that are no CEL identifiers are escaped.
"""

from __future__ import annotations

import re

from kubewright.api.meta import Manifest
from kubewright.expressions.types import DYN, STRING, CelType, list_of, map_of
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
