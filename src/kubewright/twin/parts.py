"""Endpoints that change a part of an object: what they leave as it was, and how its outcome is checked.

`strategy` asks what to put back and `rules` what is wrong; `status`, which all kinds share, is at home there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dicts
from kubewright.twin.validation import certificates, resizing
from kubewright.twin.validation.fields import FieldError

Keep = Callable[[Manifest, Manifest], None]
Check = Callable[[Manifest, Manifest], list[FieldError]]


def _but_for_resources(obj: Manifest, old: Manifest) -> None:
    """Take nothing of a resized pod but its containers' resources, unless containers come, go or move."""
    spec, before = as_dict(obj.get("spec")), as_dict(old.get("spec"))
    kept: dict[str, Any] = {**before}
    for name in ("containers", "initContainers"):
        now, then = dicts(spec, name), dicts(before, name)
        if [each.get("name") for each in now] != [each.get("name") for each in then]:
            return
        if then:
            kept[name] = [_resized(new, each) for new, each in zip(now, then, strict=True)]
    obj["spec"] = kept
    _keep_status(obj, old)


def _resized(new: Manifest, old: Manifest) -> Manifest:
    own = {name: new[name] for name in ("resources", "resizePolicy") if name in new}
    return {**{name: value for name, value in old.items() if name not in {"resources", "resizePolicy"}}, **own}


def _but_for_ephemeral(obj: Manifest, old: Manifest) -> None:
    kept = {name: value for name, value in as_dict(old.get("spec")).items() if name != "ephemeralContainers"}
    given = as_dict(obj.get("spec")).get("ephemeralContainers")
    obj["spec"] = {**kept, "ephemeralContainers": given} if given else kept
    _keep_status(obj, old)


def _keep_status(obj: Manifest, old: Manifest) -> None:
    """Put back the status, and of the metadata what an endpoint for a part may not change."""
    obj["status"] = old.get("status", {})
    metadata, before = obj["metadata"], old["metadata"]
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        metadata.pop(name, None)
        if name in before:
            metadata[name] = before[name]


def _but_for_conditions(obj: Manifest, old: Manifest) -> None:
    """Take nothing of an approved request but its conditions."""
    status = {name: value for name, value in as_dict(old.get("status")).items() if name != "conditions"}
    conditions = dicts(obj, "status", "conditions")
    obj["spec"] = old["spec"]
    obj["status"] = {**status, "conditions": conditions} if conditions else status


_KEPT: Mapping[tuple[str, str], Keep] = {
    ("Pod", "resize"): _but_for_resources,
    ("Pod", "ephemeralcontainers"): _but_for_ephemeral,
    ("CertificateSigningRequest", "approval"): _but_for_conditions,
}
_CHECKED: Mapping[tuple[str, str], Check] = {
    ("Pod", "resize"): resizing.validate_resize,
    ("Pod", "ephemeralcontainers"): resizing.validate_ephemeral,
    ("CertificateSigningRequest", "approval"): certificates.validate_approval,
    ("CertificateSigningRequest", "status"): certificates.validate_status,
}


def keeper_of(kind: str, subresource: str) -> Keep | None:
    """Return what puts back, in place, all that an endpoint of a built-in kind may not change."""
    return _KEPT.get((kind, subresource))


def check_of(kind: str, subresource: str) -> Check | None:
    """Return what checks an object that an endpoint of a built-in kind changed."""
    return _CHECKED.get((kind, subresource))
