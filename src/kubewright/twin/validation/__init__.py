"""What the API server refuses, in its own words. The verbs call `validate`, and before it the checks of `decoding`."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo
from kubewright.twin.validation.builtin import KIND_CHECKS
from kubewright.twin.validation.fields import FieldError
from kubewright.twin.validation.metadata import validate_metadata
from kubewright.twin.validation.structural import validate_custom

__all__ = ["FieldError", "validate"]


_METADATA_LAST = frozenset({"PodDisruptionBudget"})
"""Kinds whose own checks leave metadata to those of all kinds, which only follow when there was nothing to refuse."""


def validate(kind: KindInfo, obj: Manifest, old: Manifest | None = None) -> list[FieldError]:
    """Return what is wrong with an object after defaulting; `old` is what is stored when it is an update."""
    errors = validate_metadata(kind, obj, old)
    if kind.custom:
        return errors + validate_custom(kind, obj, old)
    check = KIND_CHECKS.get((kind.group, kind.kind))
    found = [] if check is None else check(obj, old)
    if kind.kind in _METADATA_LAST:
        return found or errors
    return errors + found
