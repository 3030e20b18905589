"""Which fields differ between two versions of an object: those that appeared or changed, and those that went.

Called on every tracked write, so it walks only what differs: equal parts are found by identity or by Python's own
comparison. Written as the API server's comparison decides (structured-merge-diff `Compare`), path for path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from kubewright.api.meta import Manifest
from kubewright.api.schema import Schema
from kubewright.store.equality import same_json
from kubewright.store.patch.elements import ElementError, element_name
from kubewright.store.patch.fields import LEAF, Fields, as_member
from kubewright.store.patch.metadata import OBJECT_META, UNOWNED_META, UNOWNED_ROOT

Difference: TypeAlias = tuple[Fields | None, Fields | None]
"""The touched fields (added or changed) and the removed ones."""

_SAME: Final[Difference] = (None, None)
_CHANGED: Final[Difference] = (LEAF, None)


def compare_objects(schema: Schema | None, old: Mapping[str, Any], new: Manifest) -> Difference:
    """Compare two objects, leaving out what nobody can own: identity and the server's own metadata."""
    touched, removed = _compare_maps(
        schema,
        {name: part for name, part in old.items() if name not in UNOWNED_ROOT},
        {name: part for name, part in new.items() if name not in UNOWNED_ROOT},
    )
    old_meta, new_meta = _ownable_metadata(old), _ownable_metadata(new)
    if old_meta != new_meta:
        meta_touched, meta_removed = _compare_maps(OBJECT_META, old_meta, new_meta)
        touched = _with_metadata(touched, meta_touched)
        removed = _with_metadata(removed, meta_removed)
    return touched, removed


def _ownable_metadata(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = cast("dict[str, Any]", obj.get("metadata") or {})
    return {name: part for name, part in metadata.items() if name not in UNOWNED_META}


def _with_metadata(fields: Fields | None, metadata: Fields | None) -> Fields | None:
    return fields if metadata is None else {"f:metadata": metadata, **(fields or {})}


def compare(schema: Schema | None, old: Any, new: Any) -> Difference:
    """Compare two values of one place; None means null here, not absent."""
    if same_json(old, new):
        return _SAME
    old_map, new_map = _granular_map(schema, old), _granular_map(schema, new)
    if old_map or new_map:
        if (old_map is not None or old is None) and (new_map is not None or new is None):
            return _compare_maps(schema, old_map or {}, new_map or {})
        return _changed_kind(schema, old, new)
    old_list, new_list = _associative_list(schema, old), _associative_list(schema, new)
    if schema is not None and (old_list or new_list):
        if (old_list is not None or old is None) and (new_list is not None or new is None):
            return _compare_lists(schema, old_list or [], new_list or [])
        return _changed_kind(schema, old, new)
    return _CHANGED


def all_fields(schema: Schema | None, value: Any) -> Fields:
    """Return every path of a value that came or went whole: the value itself, and all that is in it."""
    entries = _granular_map(schema, value)
    if entries:
        result: Fields = {".": LEAF}
        for name, part in entries.items():
            if part.__class__ is dict or part.__class__ is list:
                result["f:" + name] = all_fields(None if schema is None else schema.child(name), part)
            else:
                result["f:" + name] = LEAF
        return result
    items = _associative_list(schema, value)
    if items and schema is not None:
        result = {".": LEAF}
        for name, same_named in _by_name(schema, items).items():
            result[name] = all_fields(schema.items, same_named[0]) if len(same_named) == 1 else LEAF
        return result
    return LEAF


def _granular_map(schema: Schema | None, value: Any) -> dict[str, Any] | None:
    """Return the value if it is a map whose entries are owned one by one."""
    if value.__class__ is not dict:
        return None
    return None if schema is not None and (schema.atomic_map or not schema.holds_map) else value


def _associative_list(schema: Schema | None, value: Any) -> list[Any] | None:
    """Return the value if it is a list whose items are owned one by one."""
    return value if value.__class__ is list and schema is not None and schema.associative else None


def _changed_kind(schema: Schema | None, old: Any, new: Any) -> Difference:
    """Compare a container with something of another kind, where the schema allows for both."""
    gone = all_fields(schema, old)
    removed = {name: part for name, part in gone.items() if name != "."} or None
    return as_member(all_fields(schema, new)), removed


def _compare_maps(schema: Schema | None, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    touched: Fields = {}
    removed: Fields = {}
    for name, value in new.items():
        if name not in old:
            touched["f:" + name] = all_fields(None if schema is None else schema.child(name), value)
            continue
        before = old[name]
        if before is value:
            continue
        came, went = compare(None if schema is None else schema.child(name), before, value)
        if came is not None:
            touched["f:" + name] = came
        if went is not None:
            removed["f:" + name] = went
    for name, value in old.items():
        if name not in new:
            removed["f:" + name] = all_fields(None if schema is None else schema.child(name), value)
    return touched or None, removed or None


def _compare_lists(schema: Schema, old: list[Any], new: list[Any]) -> Difference:
    touched: Fields = {}
    removed: Fields = {}
    before, after = _by_name(schema, old), _by_name(schema, new)
    for name, items in after.items():
        came, went = _compare_items(schema.items, before.get(name, _NO_ITEMS), items)
        if came is not None:
            touched[name] = came
        if went is not None:
            removed[name] = went
    for name, items in before.items():
        if name not in after:
            removed[name] = all_fields(schema.items, items[0]) if len(items) == 1 else LEAF
    return touched or None, removed or None


_NO_ITEMS: Final[list[Any]] = []


def _compare_items(schema: Schema | None, old: list[Any], new: list[Any]) -> Difference:
    """Compare the items of one name. Several of one name count as one value, which nobody merges."""
    if len(new) == 1:
        if len(old) == 1:
            return compare(schema, old[0], new[0])
        return all_fields(schema, new[0]), (LEAF if old else None)
    if len(old) > 1:
        return _SAME if same_json(old, new) else _CHANGED
    gone = all_fields(schema, old[0]) if old else None
    # The name itself is there before and after: only what was in the item is gone.
    return LEAF, {key: part for key, part in gone.items() if key != "."} or None if gone else None


def _by_name(schema: Schema, items: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in items:
        try:
            name = element_name(schema, item)
        except ElementError:
            # Stored by an update, which is not checked; the API server passes over such an item as well.
            continue
        found.setdefault(name, []).append(item)
    return found
