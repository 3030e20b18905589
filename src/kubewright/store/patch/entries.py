"""`metadata.managedFields` as a table: who owns which set of fields, by which operation, since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from kubewright.api.meta import Manifest
from kubewright.store.patch.fields import Fields, difference, union

MAX_UPDATE_ENTRIES = 10
"""Managers by update that an object keeps apart; older ones are merged into one (the API server's limit)."""

_ELEMENTS = frozenset({"f:", "k:", "v:", "i:"})
_MERGED_MANAGER = "ancient-changes"

ManagerId: TypeAlias = tuple[str, str, str, str]
"""Manager, operation, version and subresource; without a version for an apply, which is one over all versions."""


class Entry(Struct, frozen=True):
    """One manager's set. `time` is empty when the entry was made without changing the object."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    fields: Fields

    @property
    def id(self) -> ManagerId:
        """Return what makes it one manager's one entry."""
        version = "" if self.operation == "Apply" else self.api_version
        return (self.manager, self.operation, version, self.subresource)

    @property
    def shown(self) -> str:
        """Name the manager as conflict messages do."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


Table: TypeAlias = dict[ManagerId, Entry]


def read_entries(obj: Mapping[str, Any] | None) -> Table | None:
    """Read an object's managedFields; None when they are not of the form that the API server accepts."""
    table: Table = {}
    for raw in _raw_entries(obj):
        if raw.get("operation") not in {"Apply", "Update"} or not raw.get("apiVersion"):
            return None
        if raw.get("fieldsType") != "FieldsV1" or not _are_fields(raw.get("fieldsV1") or {}):
            return None
        entry = Entry(
            raw.get("manager", ""),
            raw["operation"],
            raw["apiVersion"],
            raw.get("subresource", ""),
            raw.get("time") or "",
            raw.get("fieldsV1") or {},
        )
        table[entry.id] = entry
    return table


def _are_fields(fields: dict[str, Any]) -> bool:
    """Tell whether a set's outermost names are path elements; those within are taken on trust."""
    return all(name == "." or name[:2] in _ELEMENTS for name in fields)


def _raw_entries(obj: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    metadata = cast("dict[str, Any]", (obj or {}).get("metadata") or {})
    return cast("list[dict[str, Any]]", metadata.get("managedFields") or [])


def is_reset(obj: Mapping[str, Any], *, typed: bool) -> bool:
    """Whether a request clears managedFields: one empty entry, or no entries, which custom resources cannot say."""
    metadata = cast("dict[str, Any]", obj.get("metadata") or {})
    raw = metadata.get("managedFields")
    return raw == [{}] or (typed and raw == [])


def write_entries(table: Table) -> list[dict[str, Any]]:
    """Return managedFields in the API server's order."""
    entries = sorted(table.values(), key=lambda e: (e.operation, e.time, e.manager, e.api_version, e.subresource))
    return [_raw(entry) for entry in entries]


def _raw(entry: Entry) -> dict[str, Any]:
    raw: dict[str, Any] = {"manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version}
    if entry.time:
        raw["time"] = entry.time
    raw["fieldsType"] = "FieldsV1"
    raw["fieldsV1"] = entry.fields
    if entry.subresource:
        raw["subresource"] = entry.subresource
    return raw


def with_entries(obj: Manifest, table: Table) -> Manifest:
    """Return the object with this managedFields, and without any when the table is empty."""
    metadata = dict(cast("dict[str, Any]", obj.get("metadata") or {}))
    if table:
        metadata["managedFields"] = write_entries(table)
    else:
        metadata.pop("managedFields", None)
    return {**obj, "metadata": metadata}


def give_up(table: Table, lost: Iterable[Fields | None], *, but: ManagerId | None = None) -> Table:
    """Return the table after each manager (`but` one) lost these fields; who owns nothing is dropped."""
    lost = tuple(fields for fields in lost if fields is not None)
    result: Table = {}
    for key, entry in table.items():
        fields: Fields | None = entry.fields
        if key != but:
            for part in lost:
                fields = difference(fields, part)
        if fields is entry.fields:
            result[key] = entry
        elif fields is not None:
            result[key] = replace(entry, fields=fields)
    return result


def capped(table: Table) -> Table:
    """Merge the oldest entries by update until there are no more than MAX_UPDATE_ENTRIES."""
    updates = [entry for entry in table.values() if entry.operation == "Update"]
    excess = len(updates) - MAX_UPDATE_ENTRIES
    if excess <= 0:
        return table
    updates.sort(key=lambda e: (e.time, e.manager, e.api_version, e.subresource))
    result = dict(table)
    first_of: dict[str, ManagerId] = {}
    for entry in updates:
        if excess <= 0:
            break
        first = first_of.setdefault(entry.api_version, entry.id)
        if first == entry.id:
            continue
        bucket: ManagerId = (_MERGED_MANAGER, "Update", entry.api_version, "")
        older = result.get(bucket) or result.pop(first)
        fields = union(entry.fields, older.fields) or {}
        del result[entry.id]
        result[bucket] = Entry(_MERGED_MANAGER, "Update", entry.api_version, "", entry.time, fields)
        excess -= 1
    return result
