"""What of a claim may change once it is stored: it gets its volume, once, and when it is bound more room."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.quantity import value
from kubewright.twin.reading import as_dict, dig
from kubewright.twin.validation.fields import FieldError, forbidden
from kubewright.twin.validation.specdiff import go_diff

_IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def validate_claim(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a change of a claim."""
    if old is None:
        return []
    spec, before = as_dict(obj.get("spec")), as_dict(old.get("spec"))
    allowed = {**spec}
    if not before.get("volumeName"):
        allowed["volumeName"] = before.get("volumeName")
    if before.get("storageClassName") is None:
        allowed["storageClassName"] = None
    if dig(obj, "status", "phase") == "Bound":
        allowed["resources"] = before.get("resources")
        allowed["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
    errors: list[FieldError] = []
    if _given(allowed) != _given(before):
        errors.append(forbidden("spec", f"{_IMMUTABLE}\n{go_diff(before, spec)}"))
    if _size(spec) < _size(before) and _size(spec) < _capacity(old):
        path = "spec.resources.requests.storage"
        errors.append(forbidden(path, "field can not be less than status.capacity"))
    return errors


def _given(spec: Manifest) -> dict[str, Any]:
    return {name: each for name, each in spec.items() if each is not None}


def _size(spec: Manifest) -> int:
    return _bytes(dig(spec, "resources", "requests", "storage"))


def _capacity(claim: Manifest) -> int:
    return _bytes(dig(claim, "status", "capacity", "storage"))


def _bytes(quantity: Any) -> int:
    try:
        return value(quantity or 0)
    except ValueError:
        return 0
