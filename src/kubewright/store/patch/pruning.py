"""What goes when a manager no longer applies what it applied before, and nobody else owns it.

Rare: an apply that drops nothing does not come here. The three steps are those of structured-merge-diff's `prune`, so
that the fields which are owned by nobody (defaults beside a dropped one) meet the same fate as on an API server.
"""

from __future__ import annotations

from typing import Any, Final, cast

from kubewright.api.meta import Manifest
from kubewright.api.schema import Schema
from kubewright.store.patch.elements import ElementError, element_name
from kubewright.store.patch.fields import LEAF, Fields, difference, intersection, is_member, union, with_named_members
from kubewright.store.patch.metadata import OBJECT_META
from kubewright.store.patch.ownership import owned_fields

_ENVELOPE: Final[Fields] = {
    "f:apiVersion": LEAF,
    "f:kind": LEAF,
    "f:metadata": {".": LEAF, "f:name": LEAF, "f:namespace": LEAF},
}
"""Every manager has these while pruning, although managedFields never shows them."""


def prune(schema: Schema | None, merged: Manifest, last: Fields, owned_by_all: Fields | None) -> Manifest:
    """Return `merged` without what only `last`, this manager's former set, owned.

    A container that lost all it had is null in the result, for the comparison that follows: it is still there, and who
    owns it keeps it. `without_emptied` then takes it out.
    """
    former = _named(schema, last)
    present = _named(schema, _object_fields(schema, merged))
    stripped = _remove(schema, merged, former)
    kept = union(_named(schema, _object_fields(schema, stripped)), _named(schema, union(owned_by_all, _ENVELOPE)))
    without_orphans = _remove(schema, merged, difference(present, kept))
    gone = difference(present, _named(schema, _object_fields(schema, without_orphans)))
    return _remove(schema, merged, intersection(gone, former))


def _object_fields(schema: Schema | None, obj: Manifest) -> Fields | None:
    fields = owned_fields(schema, {name: part for name, part in obj.items() if name != "metadata"})
    metadata = owned_fields(OBJECT_META, obj.get("metadata"))
    return fields if metadata is None else {"f:metadata": metadata, **(fields or {})}


def _named(schema: Schema | None, fields: Fields | None) -> Fields | None:
    if fields is None:
        return None
    metadata = with_named_members(fields.get("f:metadata"), OBJECT_META)
    result = with_named_members({name: node for name, node in fields.items() if name != "f:metadata"} or None, schema)
    if metadata is None:
        return result
    return {"f:metadata": metadata if not metadata or "." in metadata else {".": LEAF, **metadata}, **(result or {})}


def _remove(schema: Schema | None, obj: Manifest, fields: Fields | None) -> Manifest:
    """Return the object without these fields."""
    if fields is None:
        return obj
    result: Manifest = {}
    for name, part in obj.items():
        node = fields.get("f:" + name)
        if node is None:
            result[name] = part
        elif not is_member(node) or (name == "metadata" and node):
            below = OBJECT_META if name == "metadata" else (None if schema is None else schema.child(name))
            result[name] = _without(below, part, node)
        elif name == "metadata":
            result[name] = {}
    return result


def _without(schema: Schema | None, value: Any, node: Fields) -> Any:
    if isinstance(value, dict) and not (schema is not None and schema.atomic_map):
        left: dict[str, Any] = {}
        for name, part in cast("dict[str, Any]", value).items():
            child = node.get("f:" + name)
            if child is None:
                left[name] = part
            elif not is_member(child):
                left[name] = _without(None if schema is None else schema.child(name), part, child)
        return left or None
    if isinstance(value, list) and schema is not None and schema.associative:
        return _list_without(schema, cast("list[Any]", value), node)
    return cast("Any", value)


def _list_without(schema: Schema, items: list[Any], node: Fields) -> list[Any] | None:
    left: list[Any] = []
    for item in items:
        child = _node_of(schema, item, node)
        if child is None:
            left.append(item)
        elif not is_member(child):
            left.append(_without(schema.items, item, child))
    return left or None


def _node_of(schema: Schema, item: Any, node: Fields) -> Fields | None:
    try:
        return node.get(element_name(schema, item))
    except ElementError:
        return None


def without_emptied(schema: Schema | None, value: Any, removed: Fields | None) -> Any:
    """Return the object without the nulls that pruning left where `removed` says that something was."""
    if removed is None or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if schema is None or not schema.associative:
            return items
        return [without_emptied(schema.items, item, _node_of(schema, item, removed)) for item in items]
    result: dict[str, Any] = {}
    for name, part in cast("dict[str, Any]", value).items():
        node = removed.get("f:" + name)
        if node is None:
            result[name] = part
        elif part is not None:
            below = OBJECT_META if name == "metadata" else (None if schema is None else schema.child(name))
            result[name] = without_emptied(below, part, node)
    return result
