"""How far and how soon a proposed number of replicas may be followed. Pure.

The rules are kube-controller-manager's (`horizontal.go`): proposals are remembered, and a decrease follows the highest
of the last minutes; an increase is bounded for each turn; or, with rules of the autoscaler's own, both directions have
windows and policies. What is remembered is bounded, since an entry that is too old gives its place to the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kubewright.api.autoscaling import ScalingBehavior, ScalingRules

DOWNSCALE_WINDOW_SECONDS = 300
_UP_FACTOR, _UP_LEAST = 2, 4
_WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FAST_UP = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
TOO_MANY = "TooManyReplicas"
"""The reason of a number that the maximum holds back."""
_TOO_MANY = (TOO_MANY, "the desired replica count is more than the maximum replica count")
_TOO_FAST_DOWN = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
_TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_READY = ("ReadyForNewScale", "recommended size matches current size")
_LOWEST = "recent recommendations were lower than current one, applying the lowest recent recommendation"
_HIGHEST = "recent recommendations were higher than current one, applying the highest recent recommendation"


class Mark(NamedTuple):
    """A number at a time: a proposal, or by how many replicas was scaled."""

    replicas: int
    at: float


@dataclass(frozen=True, slots=True)
class History:
    """What an autoscaler's earlier turns leave to the next: proposals, and how often it scaled up and down."""

    proposals: tuple[Mark, ...] = ()
    ups: tuple[Mark, ...] = ()
    downs: tuple[Mark, ...] = ()

    def begun(self, replicas: int, now: float) -> History:
        """Return the history of an autoscaler's first turn: the present number is its first proposal."""
        return self if self.proposals else replace(self, proposals=(Mark(replicas, now),))

    def scaled(self, behavior: ScalingBehavior | None, before: int, after: int, now: float) -> History:
        """Remember a change, if there are policies that ask for it."""
        if behavior is None:
            return self
        mark = Mark(abs(after - before), now)
        if after > before:
            return replace(self, ups=_with(self.ups, mark, now - _longest(behavior.scale_up)))
        return replace(self, downs=_with(self.downs, mark, now - _longest(behavior.scale_down)))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the autoscaler says, and how many replicas are wanted at present."""

    current: int
    least: int
    most: int
    behavior: ScalingBehavior | None


@dataclass(frozen=True, slots=True)
class Limited:
    """The number that may be followed, and why: reason and message of AbleToScale and of ScalingLimited."""

    replicas: int
    able: tuple[str, str]
    limit: tuple[str, str]
    limited: bool
    history: History


def limit(proposed: int, bounds: Bounds, history: History, now: float) -> Limited:
    """Return what of a proposal may be followed now."""
    behavior = bounds.behavior
    if behavior is None:
        stable, able, proposals = _stabilized(proposed, history.proposals, now)
        replicas, why = _bounded(stable, bounds)
    else:
        stable, able, proposals = _stabilized_by(behavior, proposed, bounds.current, history.proposals, now)
        replicas, why = _bounded_by(behavior, stable, bounds, history, now)
    return Limited(replicas, able, why, replicas != stable, replace(history, proposals=proposals))


def _stabilized(proposed: int, before: Sequence[Mark], now: float) -> tuple[int, tuple[str, str], tuple[Mark, ...]]:
    since = now - DOWNSCALE_WINDOW_SECONDS
    highest = max([proposed, *(mark.replicas for mark in before if mark.at >= since)])
    able = _READY if highest == proposed else ("ScaleDownStabilized", _HIGHEST)
    return highest, able, _proposed(before, Mark(proposed, now), since)


def _stabilized_by(
    behavior: ScalingBehavior, proposed: int, current: int, before: Sequence[Mark], now: float
) -> tuple[int, tuple[str, str], tuple[Mark, ...]]:
    window = behavior.scale_down.stabilization_window_seconds
    up_since = now - (behavior.scale_up.stabilization_window_seconds or 0)
    down_since = now - (DOWNSCALE_WINDOW_SECONDS if window is None else window)
    lowest = min([proposed, *(mark.replicas for mark in before if mark.at > up_since)])
    highest = max([proposed, *(mark.replicas for mark in before if mark.at > down_since)])
    stable = min(max(current, lowest), highest)
    able = _READY
    if stable != proposed:
        able = ("ScaleUpStabilized", _LOWEST) if proposed >= current else ("ScaleDownStabilized", _HIGHEST)
    return stable, able, _proposed(before, Mark(proposed, now), min(up_since, down_since))


def _bounded(wanted: int, bounds: Bounds) -> tuple[int, tuple[str, str]]:
    fastest = max(_UP_FACTOR * bounds.current, _UP_LEAST)
    most, why = (fastest, _TOO_FAST_UP) if bounds.most > fastest else (bounds.most, _TOO_MANY)
    if wanted < bounds.least:
        return bounds.least, _TOO_FEW
    return (most, why) if wanted > most else (wanted, _WITHIN)


def _bounded_by(
    behavior: ScalingBehavior, wanted: int, bounds: Bounds, history: History, now: float
) -> tuple[int, tuple[str, str]]:
    if wanted > bounds.current:
        fastest = max(_furthest(behavior.scale_up, bounds.current, history, now, up=True), bounds.current)
        most, why = (fastest, _TOO_FAST_UP) if bounds.most > fastest else (bounds.most, _TOO_MANY)
        return (most, why) if wanted > most else (wanted, _WITHIN)
    if wanted < bounds.current:
        fastest = min(_furthest(behavior.scale_down, bounds.current, history, now, up=False), bounds.current)
        least, why = (fastest, _TOO_FAST_DOWN) if bounds.least < fastest else (bounds.least, _TOO_FEW)
        return (least, why) if wanted < least else (wanted, _WITHIN)
    return wanted, _WITHIN


def _furthest(rules: ScalingRules, current: int, history: History, now: float, *, up: bool) -> int:
    """Return how far the policies of one direction go from what there was when each one's period began."""
    if rules.select_policy == "Disabled":
        return current
    ends: list[int] = []
    for policy in rules.policies:
        since = now - policy.period_seconds
        began = current - _sum(history.ups, since) + _sum(history.downs, since)
        if policy.type == "Pods":
            ends.append(began + policy.value if up else began - policy.value)
        elif up:
            ends.append(math.ceil(began * (1 + policy.value / 100)))
        else:
            ends.append(int(began * (1 - policy.value / 100)))
    return max(ends) if up == (rules.select_policy != "Min") else min(ends)


def _sum(marks: Sequence[Mark], since: float) -> int:
    return sum(mark.replicas for mark in marks if mark.at > since)


def _longest(rules: ScalingRules) -> int:
    return max((policy.period_seconds for policy in rules.policies), default=0)


def _proposed(marks: Sequence[Mark], new: Mark, old_before: float) -> tuple[Mark, ...]:
    """Return proposals and one more. Of those for one number the last says all: it is within a window the longest."""
    others = [mark for mark in marks if mark.replicas != new.replicas]
    return (*others, new) if len(others) < len(marks) else _with(marks, new, old_before)


def _with(marks: Sequence[Mark], new: Mark, old_before: float) -> tuple[Mark, ...]:
    """Return marks and one more, in place of one that is too old to matter."""
    place = next((index for index in reversed(range(len(marks))) if marks[index].at < old_before), None)
    return (*marks, new) if place is None else (*marks[:place], new, *marks[place + 1 :])
