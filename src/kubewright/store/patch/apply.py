"""Server-side apply: a manager states the fields it wants, and owns them from then on.

Fields that another manager owns and that this would change are a conflict, unless it is forced; fields that this
manager stated before and no longer does go away, unless somebody else owns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from kubewright.api.meta import Manifest
from kubewright.api.schema import Schema
from kubewright.store.equality import same_json
from kubewright.store.patch.comparison import compare_objects
from kubewright.store.patch.conformity import problems_in
from kubewright.store.patch.entries import Entry, ManagerId, Table, give_up, read_entries
from kubewright.store.patch.errors import ApplyConflictError, malformed, unprocessed
from kubewright.store.patch.fields import Fields, difference, intersection, paths, union, without
from kubewright.store.patch.managed import UNNAMED, record_update, settled
from kubewright.store.patch.merging import merge
from kubewright.store.patch.metadata import OBJECT_META, UNOWNED_META, UNOWNED_ROOT
from kubewright.store.patch.ownership import owned_fields
from kubewright.store.patch.pruning import prune, without_emptied

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL = "kubectl"
_BEFORE_FIRST_APPLY = "before-first-apply"


def server_side_apply(
    live: Manifest | None,
    applied: Manifest,
    schema: Schema | None,
    *,
    manager: str,
    api_version: str,
    now: str,
    subresource: str = "",
    force: bool = False,
    ignored: Fields | None = None,
) -> Manifest:
    """Return the object after the apply, managedFields included; `live` itself when that changes nothing.

    Raises ApplyConflictError, and INVALID when the configuration is not of the schema. `ignored` is as in track_update.
    """
    author = Entry(manager or UNNAMED, "Apply", api_version, subresource, now, {})
    author = replace(author, fields=without(_configured_fields(schema, applied), ignored) or {})
    table = _tracked_table(live, schema, author, ignored)
    try:
        new, table = _apply(live, applied, schema, table, author, ignored=ignored, force=force)
    except ApplyConflictError as error:
        if author.manager != _KUBECTL or live is None:
            raise
        _drop_client_side_conflicts(error, live, schema, api_version)
        new, table = _apply(live, applied, schema, table, author, ignored=ignored, force=True)
    if author.manager == _KUBECTL:
        new = _with_last_applied(new, applied)
    return settled(live, new, table)


def _apply(
    live: Manifest | None,
    applied: Manifest,
    schema: Schema | None,
    table: Table,
    author: Entry,
    *,
    ignored: Fields | None,
    force: bool,
) -> tuple[Manifest, Table]:
    """Return the new object and managers; the author's time is set only if the object itself changed."""
    last = table.get(author.id)
    if last is not None and last.fields == author.fields:
        # The usual case: found out once, every later comparison is by identity.
        author = replace(author, fields=last.fields)
    claimed = {**table, author.id: author}
    new = applied if live is None else _merge_object(schema, live, applied)
    pruned = False
    if live is not None and last is not None and _drops_some(last.fields, author.fields):
        new = prune(schema, new, last.fields, _all_owned(claimed))
        pruned = True
    if new is live:
        claimed[author.id] = last if last and _restated(last, author) else _unchanged(author, last)
    else:
        touched, removed = compare_objects(schema, live or {}, new)
        touched, removed = without(touched, ignored), without(removed, ignored)
        _check_conflicts(claimed, touched, author.id, force=force)
        claimed = give_up(claimed, (touched, removed), but=author.id)
        if pruned:
            new = _without_emptied(schema, new, removed)
        changed = live is None or not same_json(live, new)
        claimed[author.id] = author if changed else _unchanged(author, last)
    if not author.fields:
        del claimed[author.id]
    return new, claimed


def _without_emptied(schema: Schema | None, obj: Manifest, removed: Fields | None) -> Manifest:
    """Take out the nulls that pruning left, where the API server does: not from a custom resource.

    There they stay, and it is the schema's validation that refuses a null where an object must be.
    """
    if schema is None or not schema.blank:
        removed = {"f:metadata": removed["f:metadata"]} if removed and "f:metadata" in removed else None
    return cast("Manifest", without_emptied(schema, obj, removed))


def _restated(last: Entry, author: Entry) -> bool:
    return last.fields is author.fields and last.api_version == author.api_version


def _unchanged(author: Entry, last: Entry | None) -> Entry:
    """Return an entry of a manager that claims fields without changing any: its time stays, or it has none."""
    return replace(author, time=last.time if last else "")


def _drops_some(last: Fields, now: Fields) -> bool:
    return last is not now and difference(last, now) is not None


def _configured_fields(schema: Schema | None, applied: Manifest) -> Fields | None:
    """Return what the configuration claims; raises INVALID when the schema does not know it."""
    metadata = cast("dict[str, Any]", applied.get("metadata") or {})
    if metadata.get("managedFields") is not None:
        raise malformed("apply", "metadata.managedFields must be nil")
    rest = {name: part for name, part in applied.items() if name not in UNOWNED_ROOT}
    problems = problems_in(schema, rest) + problems_in(OBJECT_META, metadata, ".metadata")
    if problems:
        raise unprocessed("apply", _problem_text(applied, problems))
    return _ownable_fields(schema, applied)


def _ownable_fields(schema: Schema | None, obj: Manifest) -> Fields | None:
    """Return the fields of an object, without those that nobody owns."""
    fields = owned_fields(schema, {name: part for name, part in obj.items() if name not in UNOWNED_ROOT})
    metadata = cast("dict[str, Any]", obj.get("metadata") or {})
    of_metadata = owned_fields(OBJECT_META, {name: part for name, part in metadata.items() if name not in UNOWNED_META})
    return fields if of_metadata is None else {"f:metadata": of_metadata, **(fields or {})}


def _problem_text(applied: Manifest, problems: list[str]) -> str:
    metadata = cast("dict[str, Any]", applied.get("metadata") or {})
    names = (metadata.get(name, "") for name in ("namespace", "name"))
    where = "/".join(name if isinstance(name, str) else "" for name in names)
    group, _, version = str(applied.get("apiVersion", "")).rpartition("/")
    what = f"failed to create typed patch object ({where}; {group}/{version}, Kind={applied.get('kind')})"
    if len(problems) == 1:
        return f"{what}: {problems[0]}"
    return f"{what}: errors:\n" + "\n".join(f"  {problem}" for problem in problems)


def _tracked_table(live: Manifest | None, schema: Schema | None, author: Entry, ignored: Fields | None) -> Table:
    """Read the live object's managers; one that was never tracked is owned by whoever came before."""
    table = read_entries(live)
    if table is None:
        raise unprocessed("apply", "failed to decode managed fields")
    if live is None or table:
        return table
    before = replace(author, manager=_BEFORE_FIRST_APPLY, operation="Update", fields={})
    return record_update({}, None, live, schema, before, ignored=ignored)


def _merge_object(schema: Schema | None, live: Manifest, applied: Manifest) -> Manifest:
    """Merge all but the envelope by the kind's schema, and metadata by its own."""
    metadata = cast("dict[str, Any]", live.get("metadata") or {})
    merged_metadata = merge(OBJECT_META, metadata, applied.get("metadata") or {})
    rest = {name: part for name, part in applied.items() if name != "metadata"}
    merged = merge(schema, live, rest)
    return merged if merged_metadata is metadata else {**merged, "metadata": merged_metadata}


def _all_owned(table: Table) -> Fields | None:
    owned: Fields | None = None
    for entry in table.values():
        owned = union(owned, entry.fields)
    return owned


def _check_conflicts(table: Table, touched: Fields | None, author: ManagerId, *, force: bool) -> None:
    if force or touched is None:
        return
    conflicts: list[tuple[str, str]] = []
    for key in sorted(table):
        if key != author:
            disputed = intersection(table[key].fields, touched)
            conflicts.extend((table[key].shown, path) for path in paths(disputed))
    if conflicts:
        raise ApplyConflictError(tuple(conflicts))


def _drop_client_side_conflicts(
    error: ApplyConflictError, live: Manifest, schema: Schema | None, api_version: str
) -> None:
    """Let kubectl take over what its own client-side apply set and nobody changed since; else raise what remains."""
    excused = frozenset(paths(_client_side_fields(live, schema, api_version)))
    remaining = tuple(conflict for conflict in error.conflicts if conflict[1] not in excused)
    if not excused or len(remaining) == len(error.conflicts):
        raise error
    if remaining:
        raise ApplyConflictError(remaining) from error


def _client_side_fields(live: Manifest, schema: Schema | None, api_version: str) -> Fields | None:
    text = _annotations(live).get(LAST_APPLIED)
    if not text:
        return None
    try:
        last: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    if not isinstance(last, dict) or cast("Manifest", last).get("apiVersion") != api_version:
        return None
    applied = cast("Manifest", last)
    touched, removed = compare_objects(schema, applied, live)
    owned = _ownable_fields(schema, applied)
    return difference(difference(owned, touched), removed)


def _with_last_applied(new: Manifest, applied: Manifest) -> Manifest:
    """Keep kubectl's annotation in step, where there is one, for those who go on with client-side apply."""
    if not _annotations(new).get(LAST_APPLIED):
        return new
    own = {name: text for name, text in _annotations(applied).items() if name != LAST_APPLIED}
    metadata = {**cast("dict[str, Any]", applied.get("metadata") or {}), "annotations": own}
    if not own:
        del metadata["annotations"]
    text = msgspec.json.encode({**applied, "metadata": metadata}, order="sorted").decode() + "\n"
    annotations = {**_annotations(new), LAST_APPLIED: text}
    return {**new, "metadata": {**new["metadata"], "annotations": annotations}}


def _annotations(obj: Mapping[str, Any]) -> dict[str, str]:
    metadata = cast("dict[str, Any]", obj.get("metadata") or {})
    return cast("dict[str, str]", metadata.get("annotations") or {})
