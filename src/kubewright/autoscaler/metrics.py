"""What each metric of a ScalePolicy asks for, in the rules of the HorizontalPodAutoscaler's metric of its kind. Pure.

Cpu and memory are its Resource metrics; requests, GPUs and what a query says of pods are Pods metrics; a queue and a
query's number are External ones; a latency is an Object's value. So what one of these would do, this does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from kubewright.api.crds.scalepolicy import (
    GpuGoal,
    LatencyGoal,
    PolicyMetric,
    QueryGoal,
    QueueGoal,
    RequestsGoal,
    ResourceGoal,
)
from kubewright.api.quantity import Quantity, milli
from kubewright.autoscaler.columns import MILLI
from kubewright.autoscaler.readings import Readings
from kubewright.scaling.podset import NoProposalError
from kubewright.scaling.policies import steady
from kubewright.scaling.turn import Failed, Measured
from kubewright.scaling.usage import (
    Pool,
    Proposal,
    Sample,
    Tolerances,
    by_average,
    by_total,
    by_utilization,
    by_value,
)
from kubewright.series.protocol import Missing, Signal, Why

_REASONS: Mapping[Why, str] = {
    Why.NO_DATA: "NoData",
    Why.STALE: "StaleMetric",
    Why.INVALID: "InvalidQuery",
    Why.UNSUPPORTED: "MetricUnknown",
    Why.UNAVAILABLE: "SourceUnavailable",
}
_PERCENT = 100


_EXACTLY = Tolerances(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a forecast says of one metric: the pods that what is coming needs."""

    replicas: int
    surprised: bool
    """Whether there is more than was forecast, or ever seen: then what is so now counts as well."""
    tolerances: Tolerances = _EXACTLY
    """Within which shares of the present number the forecast changes nothing."""

    def over(self, replicas: int, present: int) -> int:
        """Return how many pods a metric asks for that asks for so many by what is so now, when so many are wanted."""
        coming = steady(self.replicas, present, self.tolerances)
        return max(coming, replicas) if self.surprised else coming


@dataclass(frozen=True, slots=True)
class Asked:
    """What metrics go by. `replicas` is how many pods the target's status counts."""

    readings: Readings
    replicas: int
    outlooks: Mapping[int, Outlook] = field(default_factory=dict[int, Outlook])
    proposals: Sequence[Proposal | None] = ()
    """What is known already, by the place of the metric."""

    def proposal(self, aim: _Aim, pool: Pool) -> Proposal | Missing:
        """Return what one metric asks for; raises NoProposalError."""
        known = self.proposals[aim.place] if self.proposals else None
        return aim.propose(aim.goal, self, pool) if known is None else known


def names_of(metrics: Sequence[PolicyMetric]) -> tuple[str, ...]:
    """Return what each metric is called: by its kind, and by its place where there are several of that."""
    kinds = [each.kind for each in metrics]
    if len(set(kinds)) == len(kinds):
        return tuple(kinds)
    return tuple(kind if kinds.count(kind) == 1 else f"{kind}-{index}" for index, kind in enumerate(kinds))


class _Aim(NamedTuple):
    """What a metric says of itself, whatever is measured."""

    place: int
    name: str
    goal: Any
    propose: Callable[[Any, Asked, Pool], Proposal | Missing]
    may_be_silent: bool
    """Whether that nothing was measured says nothing as long as others speak."""
    wakes: bool
    unit: str
    target: Quantity


@lru_cache(maxsize=16_384)
def _aims(metrics: tuple[PolicyMetric, ...]) -> tuple[_Aim, ...]:
    """Return what metrics aim at: worked out once for those that policies have, not every fifteen seconds."""
    named = zip(names_of(metrics), metrics, strict=True)
    return tuple(_aim(place, name, metric) for place, (name, metric) in enumerate(named))


def _aim(place: int, name: str, metric: PolicyMetric) -> _Aim:
    kind = metric.kind
    goal = getattr(metric, kind)
    return _Aim(place, name, goal, _PROPOSALS[kind], metric.latency is not None, metric.wakes, *_shown(kind, goal))


def outcomes(metrics: tuple[PolicyMetric, ...], asked: Asked, pool: Pool) -> list[Measured | Failed]:
    """Work out every metric. A workload without pods is asked for what waits for it alone."""
    found = [_outcome(aim, asked, pool) for aim in _aims(metrics) if pool.replicas or aim.wakes]
    said = [each for each in found if each is not None]
    # A latency that nobody measured says nothing as long as others speak; alone, it is missed.
    return said or [_failed("latency", Missing(Why.NO_DATA, "no requests"))]


def active(metrics: Sequence[PolicyMetric], readings: Readings) -> bool | None:
    """Tell whether there is work for a workload that may have no pods; None if that is not known."""
    found = [(readings.number(goal.query), goal) for each in metrics if each.wakes if (goal := _waking(each))]
    if any(not isinstance(number, Missing) and number * MILLI > milli(goal.activation) for number, goal in found):
        return True
    return None if any(isinstance(number, Missing) for number, _ in found) else False


def _waking(metric: PolicyMetric) -> QueueGoal | QueryGoal | None:
    return metric.queue or metric.promql


def _outcome(aim: _Aim, asked: Asked, pool: Pool) -> Measured | Failed | None:
    name = aim.name
    try:
        proposal = asked.proposal(aim, pool)
    except NoProposalError as error:
        return Failed("NoPodsMeasured", f"{name}: {error}", f"{name}: {error}")
    if isinstance(proposal, Missing):
        silent = aim.may_be_silent and proposal.why is Why.NO_DATA
        return None if silent else _failed(name, proposal)
    replicas, average, share = proposal
    if asked.outlooks and (outlook := asked.outlooks.get(aim.place)) is not None:
        replicas = outlook.over(replicas, pool.replicas)
    amount = average if share is None else share
    status = {"name": name, "amount": amount, "unit": aim.unit, "target": aim.target, "replicas": replicas}
    return Measured(replicas, name, status)


def _failed(name: str, missing: Missing) -> Failed:
    return Failed(_REASONS[missing.why], f"{name}: {missing}", f"{name}: {missing}")


def _of_cpu(goal: ResourceGoal, asked: Asked, pool: Pool) -> Proposal | Missing:
    return _of_resource("cpu", goal, asked.readings, pool)


def _of_memory(goal: ResourceGoal, asked: Asked, pool: Pool) -> Proposal | Missing:
    return _of_resource("memory", goal, asked.readings, pool)


def _of_resource(kind: str, goal: ResourceGoal, readings: Readings, pool: Pool) -> Proposal | Missing:
    used = readings.resource(kind, goal.container, pool.pods)
    if isinstance(used, Missing):
        return used
    if goal.average is not None:
        return by_average(pool, used, kind, milli(goal.average))
    return by_utilization(pool, used, kind, goal.container, goal.percent)


def _of_requests(goal: RequestsGoal, asked: Asked, pool: Pool) -> Proposal | Missing:
    return _of_pods(asked.readings.signal(Signal.REQUESTS, pool.pods), goal.average, pool)


def _of_gpus(goal: GpuGoal, asked: Asked, pool: Pool) -> Proposal | Missing:
    used = asked.readings.signal(Signal.GPU, pool.pods)
    if isinstance(used, Missing):
        return used
    proposal = by_average(pool, used, "", goal.percent * MILLI // _PERCENT)
    return proposal._replace(utilization=proposal.average * _PERCENT // MILLI)


def _of_latency(goal: LatencyGoal, asked: Asked, pool: Pool) -> Proposal | Missing:
    seconds = asked.readings.percentile(goal.percentile, pool.pods)
    return seconds if isinstance(seconds, Missing) else by_value(pool, seconds * MILLI, goal.milliseconds)


def _of_queue(goal: QueueGoal, asked: Asked, pool: Pool) -> Proposal | Missing:
    return _of_number(asked.readings.number(goal.query), goal.average, None, asked, pool)


def _of_query(goal: QueryGoal, asked: Asked, pool: Pool) -> Proposal | Missing:
    if goal.per_pod is not None:
        return _of_pods(asked.readings.per_pod(goal.query, pool.pods), goal.per_pod, pool)
    return _of_number(asked.readings.number(goal.query), goal.average, goal.value, asked, pool)


def _of_pods(used: dict[str, Sample] | Missing, wanted: Quantity, pool: Pool) -> Proposal | Missing:
    return used if isinstance(used, Missing) else by_average(pool, used, "", milli(wanted))


def _of_number(
    number: float | Missing, average: Quantity | None, value: Quantity | None, asked: Asked, pool: Pool
) -> Proposal | Missing:
    if isinstance(number, Missing):
        return number
    if number < 0:
        return Missing(Why.INVALID, "a number below 0")
    if average is not None:
        return by_total(asked.replicas, number * MILLI, milli(average), pool.tolerances)
    return by_value(pool, number * MILLI, milli(value or 0))


def _shown(kind: str, goal: Any) -> tuple[str, Quantity]:
    """Return the unit of what is measured, and what is aimed at: `status` writes them."""
    if kind == "gpu":
        return "%", goal.percent
    if kind == "latency":
        return "ms", goal.milliseconds
    if goal.average is not None:
        return "Mi" if kind == "memory" else "", goal.average
    if kind == "promql":
        return "", goal.per_pod if goal.value is None else goal.value
    return "%", goal.percent


_PROPOSALS: Mapping[str, Callable[[Any, Asked, Pool], Proposal | Missing]] = {
    "cpu": _of_cpu,
    "memory": _of_memory,
    "requests": _of_requests,
    "latency": _of_latency,
    "gpu": _of_gpus,
    "queue": _of_queue,
    "promql": _of_query,
}
"""What each kind of metric asks for, by its goal."""
