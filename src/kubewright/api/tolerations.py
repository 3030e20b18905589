"""Taints and tolerations: may a pod be on a node, and for how long.

Placement filters with `untolerated`, eviction by NoExecute asks `toleration_seconds`. The rules are those of
`Toleration.ToleratesTaint`, the numeric operators Lt and Gt (KEP-5471) included; an API server on which their feature
is off refuses such tolerations, so they never get here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from kubewright.api.meta import Leaf
from kubewright.api.requirements import integer

NO_SCHEDULE: Final = "NoSchedule"
PREFER_NO_SCHEDULE: Final = "PreferNoSchedule"
NO_EXECUTE: Final = "NoExecute"
HARD_EFFECTS: Final = frozenset({NO_SCHEDULE, NO_EXECUTE})
_DECIMAL: Final = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)


class Taint(Leaf, frozen=True):
    """A node's refusal of pods that do not tolerate it."""

    key: str = ""
    value: str = ""
    effect: str = NO_SCHEDULE
    time_added: str | None = None


class Toleration(Leaf, frozen=True):
    """A pod's permission to be on nodes with matching taints; empty key or effect match any."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None

    def tolerates(self, taint: Taint) -> bool:
        """Whether this toleration matches the taint."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        match self.operator:
            case "" | "Equal":
                return self.value == taint.value
            case "Exists":
                return True
            case "Lt" | "Gt":
                return self._compares(taint.value)
            case _:
                return False

    def _compares(self, found: str) -> bool:
        if not (_DECIMAL.fullmatch(self.value) and _DECIMAL.fullmatch(found)):
            return False
        bound, have = integer(self.value), integer(found)
        if bound is None or have is None:
            return False
        return have < bound if self.operator == "Lt" else have > bound


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether any of the tolerations matches the taint."""
    return any(toleration.tolerates(taint) for toleration in tolerations)


def untolerated(
    tolerations: Iterable[Toleration], taints: Iterable[Taint], effects: frozenset[str] = HARD_EFFECTS
) -> Taint | None:
    """Return the first taint with one of the effects that none of the tolerations matches."""
    known = tuple(tolerations)
    return next((taint for taint in taints if taint.effect in effects and not tolerates(known, taint)), None)


def toleration_seconds(tolerations: Iterable[Toleration], taints: Iterable[Taint]) -> float | None:
    """Return for how many seconds a pod may stay with these taints: 0 to leave now, None for ever.

    Only NoExecute taints evict. Each must be tolerated; the shortest `tolerationSeconds` of those that match counts,
    and one that is zero or less means at once.
    """
    known = tuple(tolerations)
    evicting = [taint for taint in taints if taint.effect == NO_EXECUTE]
    used = [toleration for toleration in known if any(toleration.tolerates(taint) for taint in evicting)]
    if not all(tolerates(used, taint) for taint in evicting):
        return 0.0
    limits = [max(0.0, each.toleration_seconds) for each in used if each.toleration_seconds is not None]
    return min(limits, default=None)
