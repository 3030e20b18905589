"""Claims: what they ask for, and what of it may change: they get a volume, once, and when bound more room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity, value
from kubewright.twin.reading import as_dict, as_list, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, first_invalid, forbidden, invalid, not_supported, required
from kubewright.twin.validation.metadata import immutable
from kubewright.twin.validation.selectors import validate_selector
from kubewright.twin.validation.specdiff import go_diff

_ALONE = "ReadWriteOncePod"
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", _ALONE)
_VOLUME_MODES = ("Block", "Filesystem")
_IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def validate_claim(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a claim and its change."""
    spec = as_dict(obj.get("spec"))
    errors = list(check_claim_spec(spec, "spec"))
    return errors if old is None else errors + _changes(obj, old, spec, as_dict(old.get("spec")))


def check_claim_spec(spec: Manifest, path: str) -> Iterator[FieldError]:
    """Check what a claim, or a template of one, asks for."""
    modes = as_list(spec.get("accessModes"))
    if not modes:
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from validate_selector(spec.get("selector"), f"{path}.selector")
    yield from (not_supported(f"{path}.accessModes", mode, _MODES) for mode in modes if mode not in _MODES)
    if _ALONE in modes and any(mode in _MODES and mode != _ALONE for mode in modes):
        yield forbidden(f"{path}.accessModes", "may not use ReadWriteOncePod with other access modes")
    amount = dig(spec, "resources", "requests", "storage")
    if amount is None:
        yield required(f"{path}.resources[storage]")
    elif parse_quantity(amount) <= 0:
        yield invalid(f"{path}.resources[storage]", str(amount), "must be greater than zero")
    for field in ("storageClassName", "volumeAttributesClassName"):
        name = text(spec, field)
        if name:
            yield from first_invalid(f"{path}.{field}", name, names.dns_subdomain(name))
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _VOLUME_MODES:
        yield not_supported(f"{path}.volumeMode", mode, _VOLUME_MODES)


def _changes(obj: Manifest, old: Manifest, spec: Manifest, before: Manifest) -> list[FieldError]:
    allowed = {**spec}
    if not before.get("volumeName"):
        allowed["volumeName"] = before.get("volumeName")
    if before.get("storageClassName") is None:
        allowed["storageClassName"] = None
    if dig(obj, "status", "phase") == "Bound":
        asked = as_dict(dig(spec, "resources", "requests"))
        kept = {**asked, "storage": dig(before, "resources", "requests", "storage")} if asked else asked
        allowed["resources"] = {**as_dict(spec.get("resources")), "requests": kept}
        allowed["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
    errors: list[FieldError] = []
    if _given(allowed) != _given(before):
        errors.append(forbidden("spec", f"{_IMMUTABLE}\n{go_diff(before, spec)}"))
    if _size(spec) < _size(before) and _size(spec) <= _capacity(old):
        path = "spec.resources.requests.storage"
        errors.append(forbidden(path, "field can not be less than status.capacity"))
    return errors + immutable("volumeMode", spec.get("volumeMode"), before.get("volumeMode"))


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
