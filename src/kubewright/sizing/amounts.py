"""What a container is to request, made of a recommendation: between which bounds, how far at once. Pure.

Slow to shrink: the upper bound of what is probably needed is followed, which comes down as more is known, and never by
more than 30 % at once. Quick to grow: to the target, in one step. The limit keeps its ratio to the request, and is
never below the most that was used, so that a container is throttled or killed no sooner than before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kubewright.scaling.sizing import BYTES, CORES, MARGIN, Advice, Unknown

SHRINK_AT_MOST = 0.3
WORTH = 0.1
"""A smaller decrease is not worth a resize."""
FLATTENED = 2.0
"""A burst of a minute that lies across two measurements of a minute may show half its height in each."""
_MIB = 1 << 20
MILLI = 1000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which a container's request and its limit lie, in thousandths of cores or in bytes."""

    least: int
    """Of the request: nothing is made smaller than that, and nothing larger for its sake."""
    most: int | None = None
    least_allowed: int = 0
    """By LimitRanges, of request and limit."""
    most_allowed: int | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """What a container has of a resource, in thousandths of cores or in bytes."""

    request: int
    limit: int | None = None

    def scaled(self, request: int) -> Amount:
        """Return another request with the limit in the same ratio, so that the class of service stays."""
        if self.limit is None or self.limit == self.request:
            return Amount(request, None if self.limit is None else request)
        return Amount(request, max(request + 1, math.ceil(request * self.limit / self.request)))


@dataclass(frozen=True, slots=True)
class Needs:
    """What a container probably needs, with what its limit's ratio makes of its peaks."""

    lower: int
    target: int
    upper: int


def needs(resource: str, amount: Amount, advice: Advice) -> Needs | None:
    """Return what a container needs to request; None while that is not known."""
    if isinstance(advice, Unknown):
        return None
    share = 0.0 if amount.limit is None else amount.request / amount.limit
    lower = max(advice.lower, advice.peak * share)
    target = max(advice.target, advice.peak * MARGIN * share)
    # Growing goes by what was seen; before a limit is lowered, what may have been hidden counts as well.
    hidden = FLATTENED if resource == CORES else MARGIN
    upper = max(advice.upper, target, advice.peak * hidden * share)
    return Needs(_whole(resource, lower), _whole(resource, target), _whole(resource, upper))


def resized(resource: str, amount: Amount, wanted: Needs, bounds: Bounds, in_use: float | None) -> Amount | None:
    """Return what a container is to have from now on; None to leave it alone."""
    request = amount.request
    if request < wanted.lower:
        grown = _within(amount, wanted.target, bounds)
        return grown if grown is not None and grown.request > request else None
    least = max(wanted.upper, bounds.least, math.ceil(request * (1 - SHRINK_AT_MOST)))
    if resource == BYTES:
        if in_use is None:
            return None
        least = max(least, _whole(BYTES, in_use * MARGIN))
    if least > request * (1 - WORTH):
        return None
    found = _within(amount, least, bounds)
    return found if found is not None and found.request < request else None


def _within(amount: Amount, request: int, bounds: Bounds) -> Amount | None:
    if bounds.most is not None:
        request = min(request, bounds.most)
    ratio = 1.0 if amount.limit is None else amount.limit / amount.request
    if bounds.most_allowed is not None:
        request = min(request, math.floor(bounds.most_allowed / ratio))
    request = max(request, bounds.least_allowed)
    return None if request == amount.request or request <= 0 else amount.scaled(request)


def _whole(resource: str, amount: float) -> int:
    """Return an amount in its unit, rounded up: thousandths of cores, and bytes in whole MiB."""
    return math.ceil(amount / _MIB) * _MIB if resource == BYTES else math.ceil(amount * MILLI)
