"""Pods like one before: what a create makes of a body is worked out once, and cast again under every further name.

Replicas of a workload are created by bodies that differ in their names at most. Of a body that comes a second time, the
outcome is kept as a mould: its JSON with holes (`forms`) for the name, the uid, the time, the revision and the name of
the token's volume, which is drawn for each pod. `verbs.writing` asks here before it reads a body; a pod that is cast
draws from the server's generator what one that is made would have drawn, and in the same order: nobody can tell.

Whatever else a pod's create reads breaks all moulds when it changes: `READ` lists it. Where something must be asked
about each single pod (a quota, a policy, a webhook, the node that it names), no mould is taken at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.store.seen import Seen, json_of
from kubewright.store.versioned import Bucket, Change, Record, VersionedStore
from kubewright.twin.admission.accounts import VOLUME_PREFIX
from kubewright.twin.call import Call
from kubewright.twin.forms import Form, hole
from kubewright.twin.options import WriteOptions
from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.registry import Registry
from kubewright.twin.validation.names import dns_subdomain

PODS: Bucket = ("", "pods")
_ADMISSION = "admissionregistration.k8s.io"
_QUOTAS: Bucket = ("", "resourcequotas")
_BINDINGS: Bucket = (_ADMISSION, "validatingadmissionpolicybindings")
READ: tuple[Bucket, ...] = (
    ("", "namespaces"),
    ("", "limitranges"),
    ("", "serviceaccounts"),
    ("node.k8s.io", "runtimeclasses"),
    ("scheduling.k8s.io", "priorityclasses"),
    _QUOTAS,
    _BINDINGS,
)
_NAME, _UID, _TIME, _TOKEN, _REVISION = map(hole, range(5))


class _Meta(msgspec.Struct):
    name: str | None = None


class _Named(msgspec.Struct):
    """As much of a body as tells its name."""

    metadata: _Meta | None = None


_named = msgspec.json.Decoder(_Named).decode


@dataclass(frozen=True, slots=True)
class _Mould:
    """`form` is a pod's JSON; `prefix` what its name is generated from unless the body says it."""

    form: Form
    prefix: str
    draws_token: bool
    warnings: tuple[str, ...]


_ONCE = _Mould(Form.of(b""), "", draws_token=False, warnings=())
"""Stands for a body that came once: most never come again."""


class Moulds:
    """The moulds of one server's pods."""

    def __init__(self, store: VersionedStore) -> None:
        self._moulds: Seen[_Mould] = Seen()
        for bucket in READ:
            store.subscribe(bucket, self._break)

    def _break(self, _change: Change) -> None:
        self._moulds.clear()

    def pod(self, call: Call, options: WriteOptions, make: Callable[[], Record]) -> Record:
        """Store the new pod of a request, cast or as `make` makes it; raises StatusError."""
        registry = call.registry
        name = None if options.dry_run or registry.memory is not None else _name_in(call)
        body = None if name is None else _but_for(name, call.body)
        if name is None or body is None:
            return make()
        circumstances = (call.namespace, options.field_manager, options.field_validation, registry.accounts_needed)
        mould = self._moulds.get(circumstances, body)
        if mould is not None and mould is not _ONCE and not (name and dns_subdomain(name)):
            return _cast(registry, call, mould, name)
        record = make()
        taken = _ONCE if mould is None else _taken(registry, record, call.body)
        if taken is not None:
            self._moulds.put(circumstances, body, taken)
        return record


def _name_in(call: Call) -> str | None:
    """Return the name that a body gives its pod, "" for none; None when it must be read first to know what it is."""
    if call.content_type not in {"", "application/json"} or b"\\" in call.body:
        return None
    try:
        metadata = _named(call.body).metadata
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return "" if metadata is None else metadata.name or ""


def _but_for(name: str, body: bytes) -> bytes | None:
    """Return a body with a hole for its name; None when the same text is at another place in it, too."""
    if not name:
        return body
    quoted = b'"%b"' % name.encode()
    before, _, after = body.partition(quoted)
    return None if quoted in after else before + _NAME + after


def _cast(registry: Registry, call: Call, mould: _Mould, name: str) -> Record:
    token = registry.suffixed(VOLUME_PREFIX) if mould.draws_token else ""
    name = name or registry.free_name(call.target, mould.prefix)
    filling = [b'"%b"' % value.encode() for value in (name, registry.new_uid(), registry.stamp(), token)]
    registry.warnings += mould.warnings

    def encoded_at(revision: int) -> bytes:
        return mould.form.filled([*filling, b'"%d"' % revision])

    return registry.store_as(call.target.named(name), encoded_at)


def _taken(registry: Registry, record: Record, body: bytes) -> _Mould | None:
    """Return the mould of a pod just made of a body; None where another one could come out otherwise."""
    metadata, spec = record.obj["metadata"], as_dict(record.obj.get("spec"))
    entries = as_list(metadata.get("managedFields"))
    now = metadata["creationTimestamp"]
    asked_each_time = registry.store.list(_QUOTAS, record.key.namespace)[0] or registry.store.list(_BINDINGS)[0]
    has_own = len(entries) != 1 or entries[0].get("time") != now or "conditions" in record.obj["status"]
    if asked_each_time or has_own or spec.get("nodeName"):
        return None
    token = next((name for name in _token_volumes(spec) if name.encode() not in body), "")
    cast_spec = json_of(spec)
    holes = {"name": _NAME, "uid": _UID, "creationTimestamp": _TIME, "resourceVersion": _REVISION}
    cast_metadata: dict[str, Any] = {
        **metadata,
        **{name: msgspec.Raw(left) for name, left in holes.items()},
        "managedFields": [{**entries[0], "time": msgspec.Raw(_TIME)}],
    }
    if token:
        cast_spec = cast_spec.replace(b'"%b"' % token.encode(), _TOKEN)
    whole: Manifest = {**record.obj, "metadata": cast_metadata, "spec": msgspec.Raw(cast_spec)}
    return _Mould(Form.of(json_of(whole)), text(metadata, "generateName"), bool(token), tuple(registry.warnings))


def _token_volumes(spec: Manifest) -> list[str]:
    return [name for volume in dicts(spec, "volumes") if (name := text(volume, "name")).startswith(VOLUME_PREFIX)]
