"""Between how many pods a target is now, by the hour and during rollouts, and how fast that may change. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kubewright.api.autoscaling import ScalingBehavior, ScalingPolicy, ScalingRules
from kubewright.api.core import Pod
from kubewright.api.crds.scalepolicy import Behavior, BehaviorRules, ScalePolicySpec, ScaleSchedule
from kubewright.api.cron import Schedule, load_zone, parse_cron
from kubewright.api.workload import REVISION_HASH, TEMPLATE_HASH

_REVISIONS = (TEMPLATE_HASH, REVISION_HASH)
_PERIOD = 15
_UP = (ScalingPolicy("Pods", 4, _PERIOD), ScalingPolicy("Percent", 100, _PERIOD))
_DOWN = (ScalingPolicy("Percent", 100, _PERIOD),)


@dataclass(frozen=True, slots=True)
class Range:
    """At least and at most so many pods, by these schedules."""

    least: int
    most: int
    schedules: tuple[str, ...] = ()


def range_at(spec: ScalePolicySpec, pods: Sequence[Pod], now: float) -> Range:
    """Return the bounds that hold now. What a schedule says goes before what the policy says."""
    active = [each for each in spec.schedules if is_active(each, now)]
    mosts = [each.max for each in active if each.max is not None]
    leasts = [each.min for each in active if each.min is not None]
    least, most = max([spec.min, *leasts]), max(mosts, default=spec.max)
    if spec.rollout_min > least and is_rolled_out(pods):
        least = spec.rollout_min
    return Range(least, max(least, most), tuple(each.name for each in active))


def is_active(schedule: ScaleSchedule, now: float) -> bool:
    """Tell whether a schedule has begun and not ended: its end comes before its next beginning."""
    start, end = _next(schedule.start, schedule.time_zone, now), _next(schedule.end, schedule.time_zone, now)
    return end is not None and (start is None or end < start)


def is_rolled_out(pods: Sequence[Pod]) -> bool:
    """Tell whether pods of two revisions run."""
    revisions = {
        pod.metadata.labels[label]
        for pod in pods
        if not pod.is_terminating and not pod.is_finished
        for label in _REVISIONS
        if label in pod.metadata.labels
    }
    return len(revisions) > 1


def _next(text: str, zone: str, now: float) -> float | None:
    """Return when a time comes next; it is worked out once a minute, which is as exact as it can be said."""
    return _next_after(text, zone, now // 60 * 60)


@lru_cache(maxsize=4096)
def _next_after(text: str, zone: str, minute: float) -> float | None:
    return _parsed(text, zone).next_after(minute)


@lru_cache(maxsize=4096)
def _parsed(text: str, zone: str) -> Schedule:
    load_zone(zone)
    return parse_cron(f"TZ={zone} {text}")


def behavior_of(behavior: Behavior | None) -> ScalingBehavior | None:
    """Return the rules with what an API server fills in where a HorizontalPodAutoscaler says some of them."""
    if behavior is None:
        return None
    up, down = behavior.scale_up or BehaviorRules(), behavior.scale_down or BehaviorRules()
    return ScalingBehavior(_rules(up, 0, _UP), _rules(down, None, _DOWN))


def _rules(rules: BehaviorRules, window: int | None, usual: tuple[ScalingPolicy, ...]) -> ScalingRules:
    given = rules.stabilization_window_seconds
    return ScalingRules(
        window if given is None else given,
        rules.select_policy,
        tuple(ScalingPolicy(each.type, each.value, each.period_seconds) for each in rules.policies) or usual,
        rules.tolerance,
    )
