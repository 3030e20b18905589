"""JSON values as expressions see them, by the schema that describes them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, text
from kubewright.twin.validation.schema_types import escape, with_identity

Convert: TypeAlias = Callable[[Any], Any]


def converter(schema: Manifest, *, root: bool = False) -> Convert | None:
    """Return what brings a value into its form for expressions; None when it is in it already."""
    if root or schema.get("x-kubernetes-embedded-resource"):
        schema = with_identity(schema)
    match text(schema, "type"):
        case "number":
            return lambda value: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        case "string" if text(schema, "format") == "byte":
            return _decoded
        case "array":
            return _list(converter(as_dict(schema.get("items"))))
        case "object":
            return _object(schema)
        case _:
            return None


def _decoded(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else value
    except (ValueError, binascii.Error):
        return value


def _list(item: Convert | None) -> Convert | None:
    if item is None:
        return None
    return lambda value: [item(each) for each in as_list(value)] if isinstance(value, list) else value


def _object(schema: Manifest) -> Convert | None:
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        return _map(converter(as_dict(additional)))
    known = as_dict(schema.get("properties"))
    changes = {name: converter(as_dict(child)) for name, child in known.items()}
    names = {name: escape(name) or name for name in known}
    if not any(changes.values()) and all(name == shown for name, shown in names.items()):
        return None

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found: Manifest = {}
        for name, each in cast("Manifest", value).items():
            change = changes.get(name)
            found[names.get(name, name)] = each if change is None else change(each)
        return found

    return convert


def _map(item: Convert | None) -> Convert | None:
    if item is None:
        return None
    return lambda value: (
        {name: item(each) for name, each in as_dict(value).items()} if isinstance(value, dict) else value
    )
