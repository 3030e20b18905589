"""One object under several group versions: where it is stored, and how it reads in the version asked for.

Custom kinds convert by the strategy None: only `apiVersion` changes; and they read with the defaults that their schema
has by now. Events are stored as core/v1 and also served as events.k8s.io/v1, whose fields have other names; autoscalers
as autoscaling/v2 and also as v1, which says less. No other built-in kind is served in two versions.
"""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.store.versioned import Bucket
from kubewright.twin import autoscalerv1
from kubewright.twin.kinds import KindInfo, KindTable

_CORE_EVENTS: Bucket = ("", "events")
_CORE_TO_NEW = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_NEW_TO_CORE = {new: core for core, new in _CORE_TO_NEW.items()}

_EVENTS = "events.k8s.io"
_HEAD = frozenset({"apiVersion", "kind", "metadata"})


def bucket_of(kind: KindInfo) -> Bucket:
    """Return where a kind's objects are stored, whatever version they are served in."""
    return _CORE_EVENTS if kind.plural == "events" and kind.group == _EVENTS else (kind.group, kind.plural)


def is_always_stored(kind: KindInfo) -> bool:
    """Tell whether every object of the kind reads as it is stored, so that nobody need look."""
    return not kind.custom and kind.group != _EVENTS and kind.api_version != autoscalerv1.VERSION


def in_version(kind: KindInfo, stored: Manifest) -> Manifest:
    """Return a stored object as `kind`'s version has it; the same object when that is how it is stored."""
    if kind.defaults is not None:
        defaults = kind.defaults()
        stored = stored if defaults is None else defaults.filled(stored)
    if stored.get("apiVersion") == kind.api_version:
        return stored
    if kind.api_version == autoscalerv1.VERSION:
        return autoscalerv1.to_v1(stored)
    if kind.group == _EVENTS:
        stored = _renamed(stored, _CORE_TO_NEW)
    return {**stored, "apiVersion": kind.api_version}


def stored_form(kind: KindInfo, obj: Manifest, kinds: KindTable) -> Manifest:
    """Return an object of `kind`'s version as it is stored, its parts in the order in which they are written."""
    obj = _ordered(kind, obj)
    if kind.group == _EVENTS:
        return {**_renamed(obj, _NEW_TO_CORE), "apiVersion": "v1"}
    if kind.api_version == autoscalerv1.VERSION:
        return autoscalerv1.to_v2(obj)
    if not kind.custom or kind.storage:
        return obj
    version = next((other for other in kinds.versions(kind.group, kind.plural) if other.storage), kind)
    return {**obj, "apiVersion": version.api_version}


def _ordered(kind: KindInfo, obj: Manifest) -> Manifest:
    if kind.custom:
        head = {"apiVersion": kind.api_version, "kind": kind.kind}
    else:
        head = {"kind": kind.kind, "apiVersion": kind.api_version}
    rest = {name: value for name, value in obj.items() if name not in _HEAD}
    return {**head, "metadata": obj["metadata"], **rest}


def _renamed(obj: Manifest, names: dict[str, str]) -> Manifest:
    return {names.get(name, name): value for name, value in obj.items()}
