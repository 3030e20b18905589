"""Who owns what after a create, an update or a patch: field managers are tracked from an object's first write on.

`track_update` is on the way of every write that the twin serves, so it pays only for the fields that differ.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import replace

from kubewright.api.meta import Manifest
from kubewright.api.schema import Schema
from kubewright.store.equality import same_json
from kubewright.store.patch.comparison import compare_objects
from kubewright.store.patch.entries import Entry, Table, capped, give_up, is_reset, read_entries, with_entries
from kubewright.store.patch.fields import Fields, union, without

UNNAMED = "unknown"
_OUTSIDE_COMPARISON = frozenset({"managedFields"})


def track_update(
    old: Manifest | None,
    new: Manifest,
    schema: Schema | None,
    *,
    manager: str,
    api_version: str,
    now: str,
    subresource: str = "",
    ignored: Fields | None = None,
) -> Manifest:
    """Return `new` with its managedFields, or `old` itself when nothing changed.

    `ignored` holds fields that this endpoint resets and nobody comes to own (`{"f:status": {}}` on a main resource).
    """
    table = _starting_table(old, new, schema, subresource)
    if old is not None and not table:
        # Cleared, or from before tracking: the API server starts to track again with the first apply.
        return settled(old, new, {})
    updated = record_update(
        table,
        old,
        new,
        schema,
        Entry(manager or UNNAMED, "Update", api_version, subresource, now, {}),
        ignored=ignored,
    )
    return settled(old, new, capped(updated))


def record_update(
    table: Table,
    old: Manifest | None,
    new: Manifest,
    schema: Schema | None,
    author: Entry,
    *,
    ignored: Fields | None = None,
) -> Table:
    """Return the table after `author` changed `old` into `new`: it owns what it touched, and nobody what is gone."""
    if old is None and schema is not None and schema.blank:
        touched, removed = compare_objects(schema, schema.blank, new)
    else:
        touched, removed = compare_objects(schema, old or {}, new)
    if ignored is not None:
        touched, removed = without(touched, ignored), without(removed, ignored)
    if touched is None and removed is None:
        return table
    result = give_up(table, (touched, removed))
    if touched is not None:
        mine = result.get(author.id)
        result[author.id] = replace(author, fields=union(touched, mine and mine.fields) or {})
    return result


def settled(old: Manifest | None, new: Manifest, table: Table) -> Manifest:
    """Return `new` with the table written into it, or `old` when but for times they are the same."""
    if old is not None and _same_but_managed(old, new) and _same_but_times(read_entries(old) or {}, table):
        return old
    return with_entries(new, table)


def _starting_table(old: Manifest | None, new: Manifest, schema: Schema | None, subresource: str) -> Table:
    """Return the managers to go on from: those the request wrote itself, if valid, else the stored ones."""
    if not subresource:
        if is_reset(new, typed=schema is not None and bool(schema.blank)):
            return {}
        sent = read_entries(new)
        if sent:
            return sent
    return read_entries(old) or {}


def _same_but_managed(old: Manifest, new: Manifest) -> bool:
    if old is new:
        return True
    if old.keys() != new.keys():
        return False
    for name, part in new.items():
        if name != "metadata" and not same_json(old[name], part):
            return False
    return same_json(_compared_metadata(old), _compared_metadata(new))


def _compared_metadata(obj: Manifest) -> dict[str, Any]:
    metadata = cast("dict[str, Any]", obj.get("metadata") or {})
    return {name: part for name, part in metadata.items() if name not in _OUTSIDE_COMPARISON}


def _same_but_times(old: Table, new: Table) -> bool:
    if old is new:
        return True
    if old.keys() != new.keys():
        return False
    for key, entry in new.items():
        before = old[key]
        if before is not entry and (before.fields != entry.fields or before.api_version != entry.api_version):
            return False
    return True
