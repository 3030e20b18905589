"""One turn of an autoscaler: how many replicas, and what it says of that. Pure.

What kube-controller-manager's horizontal pod autoscaler decides (`reconcileAutoscaler`), as data: `decide` says what is
to be, `rescaled` or `not_rescaled` completes it once that was tried. The twin's controller decides by it, and so do
ScalePolicies: only what they ask their metrics differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from kubewright.api.autoscaling import HorizontalPodAutoscaler, Scale, ScalingBehavior
from kubewright.api.conditions import Condition, is_true, set_condition
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.quantity import approximate
from kubewright.scaling.limits import Bounds, History, limit
from kubewright.scaling.podset import PodSet
from kubewright.scaling.usage import Pool, Tolerances

_BELOW = "Current number of replicas below Spec.MinReplicas"
ABLE, _ACTIVE, LIMITED, _TO_ZERO = "AbleToScale", "ScalingActive", "ScalingLimited", "ScaledToZero"
_UNMEASURED: Manifest = {"type": ""}


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric's outcome: how many replicas it asks for, what it is called, and its status."""

    replicas: int
    name: str
    status: Manifest


@dataclass(frozen=True, slots=True)
class Failed:
    """Why one metric asks for nothing: `problem` in its condition and event, `told` in the autoscaler's own failure."""

    reason: str
    problem: str
    told: str


Ask: TypeAlias = Callable[[Pool], Sequence[Measured | Failed]]
"""Works out every metric for the pods that are scaled."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a turn goes by. `problem` is why the target's pods cannot be told, with the reason that it is said with."""

    scale: Scale
    pods: PodSet
    ask: Ask
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell in an Event."""

    type: str
    reason: str
    message: str


class Decision(msgspec.Struct, frozen=True):
    """How many replicas there should be, `rescale` if that is to be written, why, and what is said of it."""

    current: int
    desired: int
    rescale: bool = False
    why: str = ""
    conditions: tuple[Condition, ...] = ()
    metrics: tuple[Mapping[str, Any], ...] | None = None
    news: tuple[News, ...] = ()
    history: History = History()
    scaled_at: float | None = None
    observed: bool = True
    """Whether the target was seen, and so what the autoscaler says by now was heeded."""

    def saying(self, type_: str, *, so: bool, reason: str, message: str, now: float) -> Decision:
        """Return it with one condition set."""
        condition = Condition(type_, "True" if so else "False", reason, message)
        conditions = set_condition(self.conditions, condition, now)
        return self if conditions is self.conditions else replace(self, conditions=conditions)

    def telling(self, type_: str, reason: str, message: str) -> Decision:
        """Return it with one piece of news more."""
        return replace(self, news=(*self.news, News(type_, reason, message)))


def without_scale(autoscaler: HorizontalPodAutoscaler, problem: str, history: History, now: float) -> Decision:
    """Return the turn of an autoscaler whose target has no scale to be read."""
    status = autoscaler.status
    begun = Decision(
        status.current_replicas,
        status.desired_replicas,
        conditions=status.conditions,
        metrics=status.current_metrics,
        history=history,
        observed=False,
    )
    told = f"the HPA controller was unable to get the target's current scale: {problem}"
    said = begun.saying(ABLE, so=False, reason="FailedGetScale", message=told, now=now)
    return said.telling("Warning", "FailedGetScale", problem)


def decide(autoscaler: HorizontalPodAutoscaler, seen: Seen, history: History, now: float) -> Decision:
    """Return the turn of an autoscaler that sees its target's scale."""
    spec, current = autoscaler.spec, seen.scale.spec.replicas
    begun = Decision(
        current, current, conditions=autoscaler.status.conditions, history=history.begun(current, now)
    ).saying(
        ABLE,
        so=True,
        reason="SucceededGetScale",
        message="the HPA controller was able to get the target's current scale",
        now=now,
    )
    if current == 0 and not _may_leave_zero(autoscaler):
        told = "scaling is disabled since the replica count of the target is zero"
        return begun.saying(_ACTIVE, so=False, reason="ScalingDisabled", message=told, now=now)
    if current > spec.max_replicas:
        above = "Current number of replicas above Spec.MaxReplicas"
        return replace(begun, desired=spec.max_replicas, rescale=True, why=above)
    if 0 < current < spec.min_replicas:
        return replace(begun, desired=spec.min_replicas, rescale=True, why=_BELOW)
    return _by_metrics(autoscaler, seen, begun, now)


def needs_use(autoscaler: HorizontalPodAutoscaler, scale: Scale) -> bool:
    """Tell whether a turn will ask what the pods use."""
    spec, current = autoscaler.spec, scale.spec.replicas
    within = spec.min_replicas <= current <= spec.max_replicas if current else _may_leave_zero(autoscaler)
    return within and any(metric.type in {"Resource", "ContainerResource"} for metric in spec.metrics)


def _may_leave_zero(autoscaler: HorizontalPodAutoscaler) -> bool:
    """Tell whether none is what the autoscaler itself chose, rather than somebody who wants it to stay away."""
    chosen = is_true(autoscaler.status.conditions, _TO_ZERO)
    return chosen and (autoscaler.spec.min_replicas != 0 or _looks_beyond_pods(autoscaler))


def _looks_beyond_pods(autoscaler: HorizontalPodAutoscaler) -> bool:
    return any(metric.type in {"Object", "External"} for metric in autoscaler.spec.metrics)


def _by_metrics(autoscaler: HorizontalPodAutoscaler, seen: Seen, begun: Decision, now: float) -> Decision:
    spec, current = autoscaler.spec, begun.current
    measured = _measured(autoscaler, seen, begun, now)
    if isinstance(measured, Decision):
        return replace(measured, desired=autoscaler.status.desired_replicas)
    proposed, name, begun = measured.replicas, measured.name, measured.decision
    why = f"{name} above target" if proposed > current else "All metrics below target" if proposed < current else ""
    bounds = Bounds(current, spec.min_replicas, spec.max_replicas, spec.behavior)
    limited = limit(proposed, bounds, begun.history, now)
    desired = limited.replicas
    if current == 0 and desired < spec.min_replicas:
        desired, why = spec.min_replicas, why or _BELOW
    said = begun.saying(ABLE, so=True, reason=limited.able[0], message=limited.able[1], now=now).saying(
        LIMITED, so=limited.limited, reason=limited.limit[0], message=limited.limit[1], now=now
    )
    return replace(said, desired=desired, rescale=desired != current, why=why, history=limited.history)


@dataclass(frozen=True, slots=True)
class _Highest:
    """The most that any metric asks for, and the decision so far."""

    replicas: int
    name: str
    decision: Decision


def _measured(autoscaler: HorizontalPodAutoscaler, seen: Seen, begun: Decision, now: float) -> _Highest | Decision:
    """Ask every metric; with too many that fail there is no number, only the decision that says so."""
    if seen.problem is not None:
        return _unselected(seen.problem, begun, now)
    spec = autoscaler.spec
    pool = Pool(seen.pods, begun.current, tolerances_of(spec.behavior), now)
    outcomes = seen.ask(pool)
    found = [each for each in outcomes if isinstance(each, Measured)]
    failed = [each for each in outcomes if isinstance(each, Failed)]
    metrics = tuple(each.status if isinstance(each, Measured) else _UNMEASURED for each in outcomes)
    decision = replace(begun, metrics=metrics)
    for each in failed:
        decision = decision.telling("Warning", each.reason, each.problem)
    highest: Measured | None = None
    for each in found:
        if highest is None or not highest.replicas or each.replicas > highest.replicas:
            highest = each
    if highest is None or (failed and highest.replicas < begun.current):
        first = failed[0]
        told = f"the HPA was unable to compute the replica count: {first.problem}"
        said = decision.saying(_ACTIVE, so=False, reason=first.reason, message=told, now=now)
        count = f"invalid metrics ({len(failed)} invalid out of {len(outcomes)}), first error is: {first.told}"
        return said.telling("Warning", "FailedComputeMetricsReplicas", count)
    told = f"the HPA was able to successfully calculate a replica count from {highest.name}"
    said = decision.saying(_ACTIVE, so=True, reason="ValidMetricFound", message=told, now=now)
    return _Highest(highest.replicas, highest.name, said)


def _unselected(problem: tuple[str, str], begun: Decision, now: float) -> Decision:
    reason, text = problem
    condition = (reason, text)
    if reason == "SelectorRequired":
        condition = ("InvalidSelector", "the HPA target's scale is missing a selector")
    said = begun.saying(_ACTIVE, so=False, reason=condition[0], message=condition[1], now=now)
    return said.telling("Warning", reason, text).telling("Warning", "FailedComputeMetricsReplicas", text)


def tolerances_of(behavior: ScalingBehavior | None) -> Tolerances:
    """Return within which distance an autoscaler with such rules does nothing."""
    usual = Tolerances()
    if behavior is None:
        return usual
    down, up = behavior.scale_down.tolerance, behavior.scale_up.tolerance
    return Tolerances(
        usual.down if down is None else approximate(down),
        usual.up if up is None else approximate(up),
    )


def rescaled(autoscaler: HorizontalPodAutoscaler, decision: Decision, now: float) -> Decision:
    """Return a decision that was carried out."""
    desired, spec = decision.desired, autoscaler.spec
    told = f"the HPA controller was able to update the target scale to {desired}"
    done = decision.saying(ABLE, so=True, reason="SucceededRescale", message=told, now=now)
    done = done.telling("Normal", "SuccessfulRescale", f"New size: {desired}; reason: {decision.why}")
    slept = decision.current > 0 and desired == 0 and spec.min_replicas == 0 and _looks_beyond_pods(autoscaler)
    if slept:
        text = "the HPA controller scaled the workload to zero"
        done = done.saying(_TO_ZERO, so=True, reason="ScaledToZero", message=text, now=now)
    else:
        text = "the HPA controller did not scale the workload to zero"
        done = done.saying(_TO_ZERO, so=False, reason="NotScaledToZero", message=text, now=now)
    history = decision.history.scaled(spec.behavior, decision.current, desired, now)
    return replace(done, history=history, scaled_at=now)


def not_rescaled(autoscaler: HorizontalPodAutoscaler, decision: Decision, problem: str, now: float) -> Decision:
    """Return a decision that could not be carried out."""
    told = f"the HPA controller was unable to update the target scale: {problem}"
    failed = decision.saying(ABLE, so=False, reason="FailedUpdateScale", message=told, now=now)
    news = f"New size: {decision.desired}; reason: {decision.why}; error: {problem}"
    told_so = failed.telling("Warning", "FailedRescale", news)
    return replace(told_so, desired=autoscaler.status.desired_replicas)


def status_of(autoscaler: HorizontalPodAutoscaler, decision: Decision) -> dict[str, Any]:
    """Return the status to write: only what differs from the one that stands."""
    status = autoscaler.status
    generation = autoscaler.metadata.generation if decision.observed else status.observed_generation
    scaled_at = status.last_scale_time if decision.scaled_at is None else rfc3339(decision.scaled_at)
    wanted: dict[str, tuple[Any, Any]] = {
        "observedGeneration": (generation, status.observed_generation),
        "lastScaleTime": (scaled_at, status.last_scale_time),
        "currentReplicas": (decision.current, status.current_replicas),
        "desiredReplicas": (decision.desired, status.desired_replicas),
        "currentMetrics": (decision.metrics, status.current_metrics),
        "conditions": (decision.conditions, status.conditions),
    }
    changed = {name: new for name, (new, old) in wanted.items() if new != old}
    if "conditions" in changed:
        changed["conditions"] = [_written(each) for each in decision.conditions]
    return changed


def _written(condition: Condition) -> Manifest:
    return {name: value for name, value in msgspec.to_builtins(condition).items() if value}
