"""Parts that many specs have alike, such as resources and probes: one that was found right is right wherever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubewright.store.seen import Seen, json_of
from kubewright.twin.validation.fields import FieldError

PartCheck = Callable[[Any, str], list[FieldError]]
"""Says what is wrong with a part that stands at a path, by nothing but the part's own content."""

_RIGHT: Seen[bool] = Seen()


def checked(check: PartCheck, part: Any, path: str) -> list[FieldError]:
    """Check a part unless the same was right before."""
    form = json_of(part)
    if _RIGHT.get(check, form):
        return []
    errors = check(part, path)
    if not errors:
        _RIGHT.put(check, form, value=True)
    return errors
