"""An object of any kind, with all that its owner may have said: what a controller compares its children with.

Typed objects hold only what is read. A child is compared with the manifest that it was made from (`drift.covers`), so
it keeps every part whole; these are the top-level fields of the built-in kinds, and of nearly all custom ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubewright.api.meta import EMPTY, KubeObject, Manifest, Resource

_HEAD = frozenset({"apiVersion", "kind", "metadata", "status"})


class LiveObject(KubeObject, frozen=True, kw_only=True):
    """An object as it is, undecoded below its top-level fields."""

    spec: Mapping[str, Any] = EMPTY
    data: Mapping[str, str] = EMPTY
    binary_data: Mapping[str, str] = EMPTY
    type: str = ""
    immutable: bool = False
    rules: Sequence[Mapping[str, Any]] = ()
    role_ref: Mapping[str, Any] = EMPTY
    subjects: Sequence[Mapping[str, Any]] = ()
    automount_service_account_token: bool | None = None
    status: Mapping[str, Any] = EMPTY


_FIELDS = {
    "spec": "spec",
    "data": "data",
    "binaryData": "binary_data",
    "type": "type",
    "immutable": "immutable",
    "rules": "rules",
    "roleRef": "role_ref",
    "subjects": "subjects",
    "automountServiceAccountToken": "automount_service_account_token",
}


def live_resource(resource: Resource[Any]) -> Resource[LiveObject]:
    """Return the kind, its objects to be read as LiveObjects."""
    return Resource(
        resource.group, resource.version, resource.plural, resource.kind, LiveObject, namespaced=resource.namespaced
    )


def body(manifest: Manifest) -> Manifest:
    """Return the top-level fields of a manifest in which its owner says what is wanted."""
    return {name: part for name, part in manifest.items() if name not in _HEAD}


def content(live: LiveObject, desired: Manifest) -> Manifest:
    """Return of a live object the fields of a manifest's `body`; raises TypeError for one that is not kept."""
    fields = body(desired)
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise TypeError(f"{desired['kind']}: {', '.join(unknown)} of a live object cannot be compared")
    return {name: getattr(live, _FIELDS[name]) for name in fields}
