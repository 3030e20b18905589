"""Defaults of custom resources, as their CRD's schema declares them."""

from __future__ import annotations

import copy
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.api.schema import MISSING, Schema

_ROOT_FIELDS = {"apiVersion", "kind", "metadata"}


def apply_schema_defaults(schema: Schema, obj: Manifest, *, nulls: bool = False) -> None:
    """Fill in, in place, what is absent; a null where null is not allowed is dropped first.

    With `nulls` it is dropped only where there is a default: what is applied keeps the others, and is refused.
    """
    _object(schema, obj, skip=_ROOT_FIELDS, nulls=nulls)


def defaulted(schema: Schema, value: Any) -> Any:
    """Return a copy of a value with its schema's defaults."""
    return _value(schema, copy.deepcopy(value), nulls=False)


def _object(schema: Schema, value: Manifest, skip: set[str], *, nulls: bool) -> None:
    for name, child in schema.properties.items():
        if name in skip:
            continue
        keeps = child.nullable or (nulls and child.default is MISSING)
        if name in value and value[name] is None and not keeps:
            del value[name]
        if name not in value and child.default is not MISSING:
            value[name] = copy.deepcopy(child.default)
    for name, item in value.items():
        child = schema.child(name)
        if name not in skip and child is not None:
            value[name] = _value(child, item, nulls=nulls)


def _value(schema: Schema, value: Any, *, nulls: bool) -> Any:
    match value:
        case float() if schema.type == "integer" and value.is_integer():
            return int(value)
        case dict():
            skip = _ROOT_FIELDS if schema.embedded_resource else set[str]()
            _object(schema, cast("Manifest", value), skip, nulls=nulls)
        case list() if schema.items is not None:
            items = cast("list[Any]", value)
            items[:] = [_value(schema.items, item, nulls=nulls) for item in items]
            return items
        case _:
            pass
    return cast("Any", value)
