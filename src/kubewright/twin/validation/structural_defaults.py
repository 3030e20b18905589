"""Defaults of custom resources, as their CRD's schema declares them."""

from __future__ import annotations

import copy
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.api.schema import MISSING, Schema

_ROOT_FIELDS = {"apiVersion", "kind", "metadata"}


def apply_schema_defaults(schema: Schema, obj: Manifest) -> None:
    """Fill in, in place, what is absent; a null where null is not allowed counts as absent."""
    _object(schema, obj, skip=_ROOT_FIELDS)


def _object(schema: Schema, value: Manifest, skip: set[str]) -> None:
    for name, child in schema.properties.items():
        if name in skip or child.default is MISSING:
            continue
        if name not in value or (value[name] is None and not child.nullable):
            value[name] = copy.deepcopy(child.default)
    for name, item in value.items():
        if name not in skip:
            child = schema.child(name)
            if child is not None:
                _value(child, item)


def _value(schema: Schema, value: Any) -> None:
    match value:
        case dict():
            skip = _ROOT_FIELDS if schema.embedded_resource else set[str]()
            _object(schema, cast("Manifest", value), skip)
        case list() if schema.items is not None:
            for item in cast("list[Any]", value):
                _value(schema.items, item)
        case _:
            return
