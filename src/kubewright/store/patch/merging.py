"""What an object becomes when a configuration is applied over it: all of the configuration, and the rest as it was.

The order of list items is structured-merge-diff's: shared items stand in the applied order, and items that only the
live list has stay where they were among them.
"""

from __future__ import annotations

from typing import Any

from kubewright.api.schema import Schema
from kubewright.store.equality import same_json
from kubewright.store.patch.elements import element_names


def merge(schema: Schema | None, live: Any, applied: Any) -> Any:
    """Return `live` with `applied` merged over it; `live` itself when that changes nothing."""
    if applied is live:
        return live
    kind = live.__class__
    if kind is dict and (applied.__class__ is dict or applied is None):
        if live and (schema is None or (schema.holds_map and not schema.atomic_map)):
            return _merge_map(schema, live, applied) if applied else live
    elif kind is list and (applied.__class__ is list or applied is None) and live and schema and schema.associative:
        return _merge_list(schema, live, applied) if applied else live
    return live if same_json(live, applied) else applied


def _merge_map(schema: Schema | None, live: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name, value in applied.items():
        if name not in live:
            changed[name] = value
            continue
        mine = live[name]
        merged = merge(None if schema is None else schema.child(name), mine, value)
        if merged is not mine:
            changed[name] = merged
    return {**live, **changed} if changed else live


def _merge_list(schema: Schema, live: list[Any], applied: list[Any]) -> list[Any]:
    live_names, names = element_names(schema, live), element_names(schema, applied)
    items = dict(zip(names, applied, strict=True))
    # A name that the live list has twice cannot be merged: the applied item replaces both.
    single = {name: item for name, item in zip(live_names, live, strict=True) if live_names.count(name) == 1}
    result = [
        merge(schema.items, single[name], items[name])
        if name in items and name in single
        else (items[name] if name in items else live[position])
        for name, position in _order(live_names, names)
    ]
    same = len(result) == len(live) and all(one is other for one, other in zip(result, live, strict=True))
    return live if same else result


def _order(live: list[str], applied: list[str]) -> list[tuple[str, int]]:
    """Interleave both lists' names; each comes with the live position it was found at, or -1."""
    wanted, present = set(applied), set(live)
    shared = [name for name in applied if name in present]
    placed: set[str] = set()
    result: list[tuple[str, int]] = []
    at = right = 0
    next_shared = 0
    while at < len(live) or right < len(applied):
        if at < len(live):
            name = live[at]
            if right < len(applied):
                if name == applied[right]:
                    result.append((name, at))
                    placed.add(name)
                    at, right, next_shared = at + 1, right + 1, next_shared + 1
                    continue
                if name in wanted and next_shared < len(shared) and shared[next_shared] != name:
                    at += 1
                    continue
            if name not in wanted:
                result.append((name, at))
                at += 1
                continue
            if name in placed:
                at += 1
        if right < len(applied):
            name = applied[right]
            result.append((name, -1))
            placed.add(name)
            right += 1
            if next_shared < len(shared) and shared[next_shared] == name:
                next_shared += 1
    return result
