"""Which fields a document has, for the manager who applies it.

Fields are leaves, atomic values, list items and entries of maps; the structs between them belong to nobody.
"""

from __future__ import annotations

from typing import Any

from kubewright.api.schema import Schema
from kubewright.store.patch.elements import ElementError, element_name
from kubewright.store.patch.fields import LEAF, Fields, as_member


def owned_fields(schema: Schema | None, value: Any) -> Fields | None:
    """Return the set of fields that applying `value` owns."""
    if value.__class__ is dict:
        return LEAF if schema is not None and (schema.atomic_map or not schema.holds_map) else _entries(schema, value)
    if value.__class__ is list:
        return LEAF if schema is None or not schema.associative else _items(schema, value)
    return None if value is None else LEAF


def _entries(schema: Schema | None, value: dict[str, Any]) -> Fields | None:
    result: Fields = {}
    declared = () if schema is None else schema.properties
    for name, part in value.items():
        fields = owned_fields(None if schema is None else schema.child(name), part)
        if part is None or part == {} or name not in declared:
            fields = as_member(fields)
        if fields is not None:
            result["f:" + name] = fields
    return result or None


def _items(schema: Schema, value: list[Any]) -> Fields | None:
    result: Fields = {}
    repeated: list[str] = []
    for item in value:
        try:
            name = element_name(schema, item)
        except ElementError:
            continue
        if name in result:
            repeated.append(name)
        result[name] = as_member(owned_fields(schema.items, item))
    # Items of one name cannot be owned apart: only the name is.
    result.update((name, LEAF) for name in repeated)
    return result or None
