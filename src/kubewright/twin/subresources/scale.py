"""scale: the replicas of a workload as an autoscaling/v1 Scale, for built-in kinds and for CRDs with scale paths."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.api.schema import Schema
from kubewright.api.selectors import LabelSelector
from kubewright.client.transport import Response
from kubewright.store.versioned import Record
from kubewright.twin import status
from kubewright.twin.admission import review
from kubewright.twin.admission.operation import Operation
from kubewright.twin.answers import document, one
from kubewright.twin.call import Call
from kubewright.twin.conversion import in_version
from kubewright.twin.fieldmanagers import Author
from kubewright.twin.fieldmanagers import apply as server_side_apply
from kubewright.twin.kinds import Column, KindInfo, KindTable
from kubewright.twin.media import private_copy
from kubewright.twin.options import WriteOptions, write_options
from kubewright.twin.reading import as_dict, dig, text
from kubewright.twin.validation.fields import invalid as invalid_field
from kubewright.twin.verbs.patching import APPLY_PATCH, checked_type, configuration, patched, read_patch
from kubewright.twin.verbs.writing import accepted, check_name, check_uid


@dataclass(frozen=True, slots=True)
class _Paths:
    """Where a kind keeps what a Scale shows."""

    spec: tuple[str, ...]
    status: tuple[str, ...]
    selector: tuple[str, ...]


_BUILTIN = _Paths(("spec", "replicas"), ("status", "replicas"), ("spec", "selector"))
_PLAIN = frozenset({"ReplicationController"})
_DEFINITION = "io.k8s.api.autoscaling.v1.Scale"


@functools.cache
def _schema(definition: str) -> Schema:
    return KindTable().schema(definition)


_COLUMNS = (
    Column("Name", "string", "", 0),
    Column("Desired", "integer", "", 0),
    Column("Available", "integer", "", 0),
    Column("Age", "string", "", 0),
)
_SCALE = KindInfo(
    "autoscaling",
    "v1",
    "scales",
    "Scale",
    namespaced=True,
    columns=_COLUMNS,
    definition=_DEFINITION,
    resolve=_schema,
)
"""What a Scale's body is read as, and shown as; no resource is of this kind."""


def get_scale(call: Call) -> Response:
    """Answer a workload's Scale."""
    record = call.registry.read(call.target)
    scale = _scale_of(call.kind, record)
    return one(_SCALE, Record(record.key, scale, record.revision), call.view(), call.now())


def put_scale(call: Call) -> Response:
    """Set the replicas of a workload by a whole Scale."""
    options = write_options(call.query, call.headers, kind="UpdateOptions")
    scale = accepted(_of_scale(call), options.field_validation)
    check_name(call, scale)
    call.registry.read(call.target)
    return _write(call, scale, options)


def patch_scale(call: Call) -> Response:
    """Set the replicas of a workload by a patch of its Scale."""
    applying = checked_type(call) == APPLY_PATCH
    options = write_options(call.query, call.headers, kind="PatchOptions", applying=applying)
    body = read_patch(call)
    record = call.registry.read(call.target)
    if applying:
        return _apply(call, body, options)
    return _write(call, patched(_of_scale(call), _scale_of(call.kind, record), body, options), options)


def _of_scale(call: Call) -> Call:
    return msgspec.structs.replace(call, kind=replace(_SCALE, namespaced=call.kind.namespaced))


def _apply(call: Call, body: Any, options: WriteOptions) -> Response:
    """Apply a Scale: what it says of the replicas is owned by its manager, as a field of the workload."""
    applied = configuration(_of_scale(call), body)
    author = Author(options.field_manager, "", "scale")
    scale = _scale_of(call.kind, call.registry.read(call.target))
    merged = server_side_apply(scale, applied, _SCALE, author, force=True)
    check_name(call, merged)
    _check_replicas(call, merged)
    review(call.registry, Operation("UPDATE", call.target, merged, scale, options.given, options.dry_run))

    def change(old: Manifest) -> Manifest:
        part: Manifest = {name: old[name] for name in ("apiVersion", "kind")}
        if dig(applied, "spec", "replicas") is not None:
            _set(part, _paths(call.kind).spec, applied["spec"]["replicas"])
        return server_side_apply(old, part, call.kind, author, force=options.force)

    record = call.registry.update(call.target, change, msgspec.structs.replace(options, asks=False), tracked=True)
    return document(_scale_of(call.kind, record))


def _write(call: Call, scale: Manifest, options: WriteOptions) -> Response:
    old_scale = _scale_of(call.kind, call.registry.read(call.target))
    review(call.registry, Operation("UPDATE", call.target, scale, old_scale, options.given, options.dry_run))
    wanted = as_dict(scale.get("metadata"))
    paths = _paths(call.kind)
    _check_replicas(call, scale)
    check_uid(call, wanted.get("uid", ""))

    def change(old: Manifest) -> Manifest:
        obj = private_copy(old)
        _set(obj, paths.spec, dig(scale, "spec", "replicas") or 0)
        if wanted.get("resourceVersion"):
            obj["metadata"]["resourceVersion"] = wanted["resourceVersion"]
        return obj

    record = call.registry.update(call.target, change, msgspec.structs.replace(options, asks=False))
    return document(_scale_of(call.kind, record))


def _check_replicas(call: Call, scale: Manifest) -> None:
    replicas = dig(scale, "spec", "replicas") or 0
    if not call.kind.custom and replicas < 0:
        error = invalid_field("spec.replicas", replicas, "must be greater than or equal to 0")
        raise status.invalid("autoscaling", "Scale", call.name, [error])


def _set(obj: Manifest, path: tuple[str, ...], value: int) -> None:
    for name in path[:-1]:
        obj = obj.setdefault(name, {})
    obj[path[-1]] = value


def _paths(kind: KindInfo) -> _Paths:
    if not kind.custom:
        return _BUILTIN
    scale = as_dict(dig(kind.served, "subresources", "scale"))
    return _Paths(*(_path(text(scale, f"{name}Path")) for name in ("specReplicas", "statusReplicas", "labelSelector")))


def _path(json_path: str) -> tuple[str, ...]:
    return tuple(part for part in json_path.split(".") if part)


def _scale_of(kind: KindInfo, record: Record) -> Manifest:
    obj, paths = in_version(kind, record.obj), _paths(kind)
    metadata = obj["metadata"]
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    scale_status: Manifest = {"replicas": dig(obj, *paths.status) or 0}
    selector = _selector_text(dig(obj, *paths.selector) if paths.selector else None, plain=kind.kind in _PLAIN)
    if selector:
        scale_status["selector"] = selector
    replicas = dig(obj, *paths.spec) or 0
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in shown if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": scale_status,
    }


def _selector_text(selector: Any, *, plain: bool) -> str:
    """Write a selector as a Scale has it; a CRD keeps it as text already, a `plain` one is labels alone."""
    if isinstance(selector, str):
        return selector
    if plain and selector:
        selector = {"matchLabels": selector}
    return str(msgspec.convert(selector, LabelSelector)) if selector else ""
