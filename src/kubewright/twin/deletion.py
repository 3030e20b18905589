"""What a delete does to the store: grace, finalizers, propagation, and the two kinds that end in their own way.

Called by the delete verbs and by evictions. An object goes at once, or is marked and goes when its kubelet, its
finalizers' owners, or the namespace's content are done (`registry.emptied` then lets an update remove it).
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.meta import Manifest, parse_time, rfc3339
from kubewright.store.versioned import Record
from kubewright.twin import admission, status
from kubewright.twin.admission.operation import Operation
from kubewright.twin.conversion import in_version
from kubewright.twin.crds import CLEANUP, status_of
from kubewright.twin.kinds import KindInfo
from kubewright.twin.options import DeleteOptions
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.registry import Registry, Target
from kubewright.twin.strategy import orphans_by_default

_ORPHAN = "orphan"
_FOREGROUND = "foregroundDeletion"
_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_DEFAULT_GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of the object: its last or present state, and whether it is gone."""

    record: Record
    gone: bool


def delete(registry: Registry, target: Target, options: DeleteOptions) -> Deleted:
    """Delete an object, or begin to; raises 404, 403 and, for failed preconditions, 409."""
    record = registry.read(target)
    if target.kind.kind == "Namespace" and target.name in _IMMORTAL and not target.kind.group:
        raise status.forbidden(target.kind, target.name, "this namespace may not be deleted")
    if target.kind.kind == "PriorityClass" and target.name.startswith("system-") and not target.kind.custom:
        raise status.forbidden(target.kind, target.name, "this is a system priority class and cannot be deleted")
    check_preconditions(target, record, options)
    consult(registry, target, record, options)
    if not target.kind.custom:
        if target.kind.kind == "Namespace":
            return _delete_namespace(registry, target, record, options)
        if target.kind.kind == "CustomResourceDefinition":
            return _delete_definition(registry, target, record, options)
    return _delete_plain(registry, target, record, options)


def consult(registry: Registry, target: Target, record: Record, options: DeleteOptions) -> None:
    """Ask policies and webhooks whether the object may go; raises what they refuse."""
    if options.asks:
        old = in_version(target.kind, record.obj)
        admission.review(registry, Operation("DELETE", target, None, old, options.given, options.dry_run))


def check_preconditions(target: Target, record: Record, options: DeleteOptions) -> None:
    """Refuse to delete an object that is not the one, or not at the version, that the caller means."""
    metadata = record.obj["metadata"]
    for what, wanted, found, hint in (
        ("UID", options.uid, metadata["uid"], "The object might have been deleted and then recreated"),
        (
            "ResourceVersion",
            options.resource_version,
            metadata["resourceVersion"],
            "The object might have been modified",
        ),
    ):
        if wanted and wanted != found:
            cause = f"the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). {hint}"
            raise status.conflict(target.kind, target.name, cause, resource=target.kind.kind)


def _delete_plain(registry: Registry, target: Target, record: Record, options: DeleteOptions) -> Deleted:
    metadata = record.obj["metadata"]
    grace = grace_seconds(target.kind, record.obj, options)
    if grace is not None and "deletionTimestamp" in metadata:
        present = metadata.get("deletionGracePeriodSeconds") or 0
        if present and (options.grace_period_seconds is None or options.grace_period_seconds >= present):
            return Deleted(record, gone=False)
        if not present:
            grace = None
    finalizers = _finalizers(target.kind, metadata, options)
    if grace is None and not finalizers and finalizers == as_list(metadata.get("finalizers")):
        return _remove(registry, target, record, options)
    marked = _marked(registry, metadata, grace, finalizers)
    record = _write(registry, target, record, marked, options)
    if finalizers or grace:
        return Deleted(record, gone=False)
    return _remove(registry, target, record, options)


def grace_seconds(kind: KindInfo, obj: Manifest, options: DeleteOptions) -> int | None:
    """Return how long a pod may take to end; None for kinds that end at once."""
    if kind.custom or kind.kind != "Pod":
        return None
    spec, phase = as_dict(obj.get("spec")), as_dict(obj.get("status")).get("phase")
    # Nobody would ever end a pod that no kubelet has; one that has ended needs no time.
    if not spec.get("nodeName") or phase in {"Succeeded", "Failed"}:
        return 0
    if options.grace_period_seconds is not None:
        return options.grace_period_seconds
    return int(spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS))


def _finalizers(kind: KindInfo, metadata: Manifest, options: DeleteOptions) -> list[str]:
    """Return the finalizers that the deletion leaves: the garbage collector's two follow the caller's policy."""
    present: list[str] = as_list(metadata.get("finalizers"))
    orphan, foreground = _ORPHAN in present, _FOREGROUND in present
    if options.orphan_dependents is not None:
        orphan, foreground = options.orphan_dependents, False
    elif options.propagation:
        orphan, foreground = options.propagation == "Orphan", options.propagation == "Foreground"
    elif not orphan and not foreground:
        orphan = orphans_by_default(kind)
    others = [name for name in present if name not in {_ORPHAN, _FOREGROUND}]
    wanted = others + ([_ORPHAN] if orphan else []) + ([_FOREGROUND] if foreground else [])
    return present if sorted(wanted) == sorted(present) else wanted


def _marked(registry: Registry, metadata: Manifest, grace: int | None, finalizers: list[str]) -> Manifest:
    """Return metadata of an object that is being deleted: when, with how much grace, held by what."""
    now = registry.clock.now()
    marked = {**metadata, "deletionGracePeriodSeconds": grace or 0}
    if "deletionTimestamp" not in metadata:
        marked["deletionTimestamp"] = rfc3339(now + (grace or 0))
        if metadata.get("generation"):
            marked["generation"] = metadata["generation"] + 1
    elif grace is not None:
        begun = parse_time(metadata["deletionTimestamp"]) - (metadata.get("deletionGracePeriodSeconds") or 0)
        marked["deletionTimestamp"] = rfc3339(max(begun + grace, now))
        if grace and begun + grace < now:
            marked["deletionGracePeriodSeconds"] = 1
    elif parse_time(metadata["deletionTimestamp"]) > now:
        marked["deletionTimestamp"] = rfc3339(now)
    marked.pop("finalizers", None)
    if finalizers:
        marked["finalizers"] = finalizers
    return marked


def _write(
    registry: Registry, target: Target, record: Record, metadata: Manifest, options: DeleteOptions, **parts: Manifest
) -> Record:
    obj = {**record.obj, "metadata": metadata, **parts}
    if options.dry_run:
        return Record(target.key, obj, record.revision)
    return registry.store.update(target.bucket, target.key, obj, expected_revision=record.revision)


def _remove(registry: Registry, target: Target, record: Record, options: DeleteOptions) -> Deleted:
    if options.dry_run:
        return Deleted(record, gone=True)
    return Deleted(registry.store.delete(target.bucket, target.key, expected_revision=record.revision), gone=True)


def _delete_namespace(registry: Registry, target: Target, record: Record, options: DeleteOptions) -> Deleted:
    """Mark a namespace Terminating; the namespace controller empties it and takes its finalizer off."""
    metadata = record.obj["metadata"]
    if "deletionTimestamp" not in metadata:
        marked = {**metadata, "deletionTimestamp": registry.stamp()}
        terminating = {**as_dict(record.obj.get("status")), "phase": "Terminating"}
        finalizers = _finalizers(target.kind, metadata, options)
        if finalizers:
            marked["finalizers"] = finalizers
        record = _write(registry, target, record, marked, options, status=terminating)
        return Deleted(record, gone=False)
    if as_list(as_dict(record.obj.get("spec")).get("finalizers")):
        return Deleted(record, gone=False)
    return _delete_plain(registry, target, record, options)


def _delete_definition(registry: Registry, target: Target, record: Record, options: DeleteOptions) -> Deleted:
    """Mark a CRD; `crds.Definitions` deletes its objects and lets it go."""
    metadata = record.obj["metadata"]
    if "deletionTimestamp" in metadata:
        return Deleted(record, gone=False)
    finalizers = list(dict.fromkeys([*_finalizers(target.kind, metadata, options), CLEANUP]))
    marked = {**metadata, "deletionTimestamp": registry.stamp(), "finalizers": finalizers}
    status_now = status_of({**record.obj, "metadata": marked}, registry.stamp())
    record = _write(registry, target, record, marked, options, status=status_now)
    return Deleted(record, gone=False)
