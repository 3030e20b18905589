"""Conditions: what an object says of itself.

Controllers build their status with `set_condition`. A condition's `lastTransitionTime` moves only when its status does,
so that writing the same status again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from kubewright.api.described import described
from kubewright.api.meta import Leaf, Manifest, rfc3339

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
_STATUS = {"enum": ["True", "False", "Unknown"]}
_REASON = {"maxLength": 1024, "minLength": 1}


class Condition(Leaf, frozen=True):
    """One `metav1.Condition`; the core kinds' conditions decode into it as well."""

    type: Annotated[str, described("What this condition is about.", {"maxLength": 316}, required=True)] = ""
    status: Annotated[str, described("True, False or Unknown.", _STATUS, required=True)] = "Unknown"
    reason: Annotated[str, described("Why, as one word for programs.", _REASON, required=True)] = ""
    message: Annotated[str, described("Why, as a sentence for people.", {"maxLength": 32768}, required=True)] = ""
    last_transition_time: Annotated[
        str | None, described("When the status last changed.", {"format": "date-time"}, required=True)
    ] = None
    observed_generation: Annotated[
        int, described("The generation that the condition speaks of.", {"format": "int64", "minimum": 0})
    ] = 0

    @property
    def is_true(self) -> bool:
        """Whether the status is True."""
        return self.status == "True"


def find_condition(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """Return the condition of that type."""
    for condition in conditions:  # a generator would take twice as long, and this is asked for every pod all the time
        if condition.type == type_:
            return condition
    return None


def is_true(conditions: Iterable[Condition], type_: str) -> bool:
    """Whether there is a condition of that type with the status True."""
    condition = find_condition(conditions, type_)
    return condition is not None and condition.is_true


def written(conditions: Iterable[Condition]) -> list[Manifest]:
    """Return conditions as a status has them that is applied whole."""
    return [
        {
            "type": each.type,
            "status": each.status,
            "reason": each.reason,
            "message": each.message,
            "lastTransitionTime": each.last_transition_time,
            "observedGeneration": each.observed_generation,
        }
        for each in conditions
    ]


def set_condition(conditions: Iterable[Condition], condition: Condition, now: float) -> tuple[Condition, ...]:
    """Return the conditions with this one in place of its namesake, or added at the end.

    `now` is in seconds since 1970. A `lastTransitionTime` given in `condition` is ignored: the one that stands is kept
    as long as the status does not change.
    """
    existing = tuple(conditions)
    old = find_condition(existing, condition.type)
    kept = old.last_transition_time if old is not None and old.status == condition.status else None
    if old is not None and kept and _says_the_same(old, condition):
        return existing
    new = msgspec.structs.replace(condition, last_transition_time=kept or rfc3339(now))
    if old is None:
        return (*existing, new)
    return tuple(new if each.type == new.type else each for each in existing)


def _says_the_same(one: Condition, other: Condition) -> bool:
    return (one.reason, one.message, one.observed_generation) == (
        other.reason,
        other.message,
        other.observed_generation,
    )


def remove_condition(conditions: Iterable[Condition], type_: str) -> tuple[Condition, ...]:
    """Return the conditions without those of that type."""
    existing = tuple(conditions)
    if find_condition(existing, type_) is None:
        return existing
    return tuple(condition for condition in existing if condition.type != type_)
