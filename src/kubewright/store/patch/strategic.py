"""Strategic merge patch: a merge patch that knows, from the schema, which lists are merged and by what key.

What `kubectl apply`, `edit` and `patch` send for built-in kinds. Directives: `$patch` (replace, delete),
`$retainKeys`, `$deleteFromPrimitiveList/x`, `$setElementOrder/x`. Behaves as apimachinery's `strategicpatch`.
"""

from __future__ import annotations

from typing import Any, Final, cast

from kubewright.api.meta import Manifest
from kubewright.api.schema import Schema
from kubewright.errors import OpError
from kubewright.store.patch.errors import json_kind, malformed, unprocessed
from kubewright.store.patch.metadata import OBJECT_META
from kubewright.store.patch.ordering import interleave
from kubewright.store.patch.printing import go_text

_KIND = "strategic merge patch"
_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"

_DIRECTIVES = (_RETAIN, _DELETE_FROM, _ORDER)

_DROPPED: Final = object()


def apply_strategic_patch(doc: Manifest, patch: Manifest, schema: Schema | None) -> Manifest:
    """Return the document with the patch merged in; raises INVALID."""
    if not isinstance(patch, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  a body may be any JSON
        raise malformed(
            _KIND, f"json: cannot unmarshal {json_kind(patch)} into Go value of type map[string]interface {{}}"
        )
    return _merge_map(doc, patch, schema)


def _merge_map(live: dict[str, Any], patch: dict[str, Any], schema: Schema | None) -> dict[str, Any]:
    match patch.get(_DIRECTIVE):
        case None:
            pass
        case "replace":
            return {name: value for name, value in patch.items() if name != _DIRECTIVE}
        case "delete":
            return {}
        case unknown:
            raise _unknown_type(unknown, patch)
    result = _retained(live, patch)
    ordered = _merge_ordered_lists(result, patch, schema)
    for key, value in patch.items():
        if key in ordered or key == _RETAIN or key.startswith(_ORDER):
            continue
        if key.startswith(_DELETE_FROM):
            _delete_from_primitives(result, key.removeprefix(_DELETE_FROM), value)
        elif value is None:
            result.pop(key, None)
        else:
            _merge_field(result, key, value, _below(schema, key))
    return result


def _unknown_type(directive: Any, patch: Any) -> OpError:
    return unprocessed(_KIND, f"unknown patch type: {go_text(directive)} in map: {go_text(patch)}")


def _below(schema: Schema | None, key: str) -> Schema | None:
    """Return a field's schema; metadata is the same for all kinds, also where a schema says nothing of it."""
    if schema is None:
        return None
    found = schema.child(key)
    return OBJECT_META if key == "metadata" and found is not None and not found.properties else found


def _merge_field(result: dict[str, Any], key: str, value: Any, schema: Schema | None) -> None:
    mine = result.get(key)
    if isinstance(mine, dict) and isinstance(value, dict):
        patch = cast("dict[str, Any]", value)
        if schema is not None and "replace" in schema.patch_strategies:
            result[key] = patch
        else:
            result[key] = _merge_map(cast("dict[str, Any]", mine), patch, schema)
    elif isinstance(mine, list) and isinstance(value, list):
        result[key] = _merge_list(cast("list[Any]", mine), cast("list[Any]", value), schema)
    else:
        _set(result, key, value)


def _set(result: dict[str, Any], key: str, value: Any) -> None:
    """Take the patch's value as it is, without directives and nulls."""
    plain = _plain(value)
    if plain is _DROPPED:
        result.pop(key, None)
    else:
        result[key] = plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        if _DIRECTIVE in entries:
            return _DROPPED
        plain: dict[str, Any] = {}
        for name, part in entries.items():
            if part is None or name.startswith(_DIRECTIVES):
                continue
            kept = part if part.__class__ is str else _plain(part)
            if kept is not _DROPPED:
                plain[name] = kept
        return plain
    if isinstance(value, list):
        return [part for part in map(_plain, cast("list[Any]", value)) if part is not _DROPPED]
    return value


def _retained(live: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Drop what `$retainKeys` does not list: the other members of a union."""
    if _RETAIN not in patch:
        return dict(live)
    listed = patch[_RETAIN]
    keys = frozenset(cast("list[str]", listed)) if isinstance(listed, list) else None
    named = (key for key, value in patch.items() if value is not None and not key.startswith((_DELETE_FROM, _ORDER)))
    if keys is None or any(key not in keys for key in named if key != _RETAIN):
        raise unprocessed(_KIND, "invalid patch format of retainKeys")
    return {key: value for key, value in live.items() if key in keys}


def _delete_from_primitives(result: dict[str, Any], key: str, value: Any) -> None:
    mine = result.get(key)
    if isinstance(mine, list) and isinstance(value, list):
        gone = cast("list[Any]", value)
        result[key] = [item for item in cast("list[Any]", mine) if item not in gone]


def _merge_ordered_lists(result: dict[str, Any], patch: dict[str, Any], schema: Schema | None) -> frozenset[str]:
    """Merge the lists whose order the patch states, and return their keys."""
    done: set[str] = set()
    for directive, order in patch.items():
        if not directive.startswith(_ORDER):
            continue
        key = directive.removeprefix(_ORDER)
        mine, changes = result.get(key), patch.get(key)
        below = _below(schema, key)
        if any(part is not None and not isinstance(part, list) for part in (mine, changes)) or not isinstance(
            order, list
        ):
            raise unprocessed(_KIND, f"invalid patch format of setElementOrder list: {key}")
        _check_order(cast("list[Any]", changes or []), cast("list[Any]", order), _merge_key(below))
        if mine is None and changes is None:
            continue
        if changes is None:
            merged = cast("list[Any]", mine)
        elif mine is None:
            merged = cast("list[Any]", _plain(changes))
        else:
            merged = _merge_list(cast("list[Any]", mine), cast("list[Any]", changes), below)
        before = cast("list[Any]", mine or [])
        result[key] = interleave(merged, cast("list[Any]", order), before, _merge_key(below))
        done.add(key)
    return frozenset(done)


def _merge_key(schema: Schema | None) -> str:
    return "" if schema is None else schema.merge_key


def _check_order(changes: list[Any], order: list[Any], merge_key: str) -> None:
    """Refuse a patch whose items are not among the stated order, or stand in another one."""
    if not changes or not order:
        return
    wanted = iter([_identity(item, merge_key) for item in order])
    for item in changes:
        if isinstance(item, dict) and _DIRECTIVE in item:
            continue
        if _identity(item, merge_key) not in wanted:
            raise unprocessed(
                _KIND,
                f"The order in patch list:\n{go_text(changes)}\n doesn't match {_ORDER[:-1]} list:\n{go_text(order)}\n",
            )


def _merge_list(live: list[Any], patch: list[Any], schema: Schema | None) -> list[Any]:
    if schema is None or "merge" not in schema.patch_strategies:
        return patch
    if not live and not patch:
        return live
    if not isinstance((live or patch)[0], dict):
        merged = [*live, *(item for item in patch if item not in live)]
        return interleave(_without_repeats(merged), patch, live, "")
    merge_key = schema.merge_key
    if not merge_key:
        raise unprocessed(_KIND, "cannot merge lists without merge key")
    kept, changes = _without_special(live, patch, merge_key)
    merged = list(kept)
    for change in changes:
        at = _find(merged, merge_key, _identity(change, merge_key))
        if at is None:
            # Directives below a new item have nothing to act on; the API server's typed objects lose them as well.
            merged.append(_plain(change))
        else:
            merged[at] = _merge_map(merged[at], change, schema.items)
    return interleave(merged, changes, kept, merge_key)


def _without_special(live: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the items that are directives; return the live list after them, and the other items of the patch."""
    kept, changes = live, list[Any]()
    replaced = False
    for item in patch:
        directive = cast("dict[str, Any]", item).get(_DIRECTIVE) if isinstance(item, dict) else None
        match directive:
            case None:
                changes.append(item)
            case "delete":
                gone = _identity(item, merge_key)
                kept = [other for other in kept if not _has(other, merge_key, gone)]
            case "replace":
                replaced = True
            case "merge":
                raise unprocessed(_KIND, "merging lists cannot yet be specified in the patch")
            case unknown:
                raise _unknown_type(unknown, item)
    return ([], changes) if replaced else (kept, changes)


def _find(items: list[Any], merge_key: str, value: Any) -> int | None:
    return next((at for at, item in enumerate(items) if _has(item, merge_key, value)), None)


def _has(item: Any, merge_key: str, value: Any) -> bool:
    return isinstance(item, dict) and merge_key in item and cast("dict[str, Any]", item)[merge_key] == value


def _identity(item: Any, merge_key: str) -> Any:
    """Return what an item is merged by; raises INVALID for a map without it."""
    if not merge_key:
        return item
    if not isinstance(item, dict) or merge_key not in item:
        raise unprocessed(_KIND, f"map: {go_text(item)} does not contain declared merge key: {merge_key}")
    return cast("dict[str, Any]", item)[merge_key]


def _without_repeats(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
