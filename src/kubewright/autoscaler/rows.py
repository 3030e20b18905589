"""ScalePolicies as rows of a table: what of them stays the same from round to round. Pure.

A policy is a row as long as its spec, its pods and their number stay as they are; the rows together are a `Layout`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kubewright.api.autoscaling import Scale
from kubewright.api.crds.scalepolicy import (
    GpuGoal,
    LatencyGoal,
    PolicyMetric,
    QueryGoal,
    QueueGoal,
    RequestsGoal,
    ResourceGoal,
    ScalePolicy,
)
from kubewright.api.quantity import milli
from kubewright.api.resources import CPU
from kubewright.autoscaler.bounds import behavior_of
from kubewright.autoscaler.columns import MILLI, MOST, Amounts, Mask, Places, PodRows
from kubewright.autoscaler.readings import SIGNALS, metrics_of
from kubewright.scaling.podset import NoProposalError, PodSet
from kubewright.scaling.turn import tolerances_of
from kubewright.scaling.usage import Tolerances
from kubewright.series.protocol import Signal

NUMBERS = "number"
Kind: TypeAlias = Signal | str
"""What is measured: a signal of pods, or what a query says."""
_WHOLE = 100


class Ask(NamedTuple):
    """One metric of one policy."""

    kind: Kind
    wanted: int
    """In thousandths; of cpu and memory without `average` per cent of what is requested; of a latency milliseconds."""
    requested: int = 0
    """By all pods together, in thousandths, where that is what use is compared with."""
    percent: int = 0
    """Of the requests, for a latency."""
    query: str = ""
    is_average: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One policy, its pods, and how many are wanted."""

    policy: ScalePolicy
    pods: PodSet
    replicas: int
    counted: int
    """How many pods the target's status counts."""
    tolerances: Tolerances
    asks: tuple[Ask | None, ...]
    """By the place of the metric; None of what is left to the policy's own turn."""

    @classmethod
    def of(cls, policy: ScalePolicy, pods: PodSet, scale: Scale) -> Row | None:
        """Return a policy's row; None of one that has no pods, which has nothing to add up."""
        if not pods or scale.spec.replicas <= 0:
            return None
        asks = tuple(_fitting(_ask(each, pods)) for each in metrics_of(policy.spec))
        tolerances = tolerances_of(behavior_of(policy.spec.behavior))
        return cls(policy, pods, scale.spec.replicas, scale.status.replicas, tolerances, asks)

    def is_of(self, policy: ScalePolicy, pods: PodSet, scale: Scale) -> bool:
        """Tell whether it is still of these."""
        same = self.policy.spec is policy.spec and self.pods is pods
        return same and (self.replicas, self.counted) == (scale.spec.replicas, scale.status.replicas)


def _ask(metric: PolicyMetric, pods: PodSet) -> Ask | None:
    """Return what a metric asks for; None if that is of containers, or of pods by a query, or not known."""
    match metric:
        case PolicyMetric(cpu=ResourceGoal() as goal) | PolicyMetric(memory=ResourceGoal() as goal):
            return _of_resource(metric.kind, goal, pods)
        case PolicyMetric(requests=RequestsGoal() as goal):
            return Ask(Signal.REQUESTS, milli(goal.average))
        case PolicyMetric(gpu=GpuGoal() as goal):
            return Ask(Signal.GPU, goal.percent * MILLI // _WHOLE)
        case PolicyMetric(latency=LatencyGoal() as goal):
            return Ask(Signal.LATENCY, goal.milliseconds, percent=goal.percentile)
        case PolicyMetric(queue=QueueGoal() as goal):
            return Ask(NUMBERS, milli(goal.average), query=goal.query, is_average=True)
        case _:
            return None if metric.promql is None else _of_query(metric.promql)


def _fitting(ask: Ask | None) -> Ask | None:
    """Return what is asked for if it is no more than a column can hold; else it is left to the policy's own turn."""
    return ask if ask is not None and max(ask.wanted, ask.requested) < MOST else None


def _of_resource(kind: str, goal: ResourceGoal, pods: PodSet) -> Ask | None:
    signal = SIGNALS[kind]
    if goal.container:
        return None
    if goal.average is not None:
        return Ask(signal, milli(goal.average))
    try:
        requested = sum(pods.requests(kind, "").values())
    except NoProposalError:
        return None
    return Ask(signal, goal.percent, requested) if requested else None


def _of_query(goal: QueryGoal) -> Ask | None:
    if goal.per_pod is not None:
        return None
    if goal.average is not None:
        return Ask(NUMBERS, milli(goal.average), query=goal.query, is_average=True)
    return Ask(NUMBERS, milli(goal.value or 0), query=goal.query)


@dataclass(frozen=True, slots=True)
class Asks:
    """All metrics of one kind. Arrays have an entry for each of them."""

    at: Places
    """Its place among all metrics of all policies."""
    row: Places
    """Its policy's."""
    wanted: Amounts
    requested: Amounts
    percent: Amounts
    is_average: Mask
    queries: Sequence[str]


class Layout:
    """The rows as columns. Arrays have an entry for each row."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = tuple(rows)
        self.sizes = self._each(lambda each: len(each.pods), np.int64)
        self.starts = _starts(self.sizes)
        """The place of each row's first pod among `members`."""
        self.replicas = self._each(lambda each: each.replicas, np.int64)
        self.counted = self._each(lambda each: each.counted, np.int64)
        self.ready = self._each(lambda each: each.pods.ready, np.int64)
        self.least = self._each(lambda each: 1.0 - each.tolerances.down, np.float64)
        """Between these ratios nothing is done."""
        self.most = self._each(lambda each: 1.0 + each.tolerances.up, np.float64)
        self.warm_from = self._each(lambda each: each.pods.steady_from(CPU), np.float64)
        """From when on every pod's cpu counts, and all else."""
        self.up_from = self._each(lambda each: each.pods.steady_from(""), np.float64)
        self.counts = self._each(lambda each: len(each.asks), np.intp)
        self.firsts = _starts(self.counts)
        """The place of each row's first metric among all."""
        self._members: tuple[PodRows, int, Places] | None = None

    def _each(self, value: Callable[[Row], float], kind: type[np.generic]) -> NDArray[Any]:
        return np.array([value(each) for each in self.rows], kind)

    @cached_property
    def kinds(self) -> Mapping[Kind, Asks]:
        """All metrics by what is measured."""
        found: dict[Kind, list[tuple[int, int, Ask]]] = {}
        place = 0
        for row, each in enumerate(self.rows):
            for ask in each.asks:
                if ask is not None:
                    found.setdefault(ask.kind, []).append((place, row, ask))
                place += 1
        return {kind: _asks(asks) for kind, asks in found.items()}

    def members(self, pod_rows: PodRows) -> Places:
        """Return the pods' rows in columns, a policy's beside each other; -1 of pods that were never measured."""
        known = self._members
        if known is None or known[0] is not pod_rows or known[1] != len(pod_rows.of):
            found = chain.from_iterable(pod_rows.members(each.pods) for each in self.rows)
            known = self._members = (pod_rows, len(pod_rows.of), np.array(list(found), np.intp))
        return known[2]

    def is_of(self, rows: Sequence[Row]) -> bool:
        """Tell whether it is of these rows."""
        return len(self.rows) == len(rows) and all(map(operator.is_, self.rows, rows))


def _asks(found: Sequence[tuple[int, int, Ask]]) -> Asks:
    asks = [ask for _, _, ask in found]
    return Asks(
        np.array([place for place, _, _ in found], np.intp),
        np.array([row for _, row, _ in found], np.intp),
        np.array([each.wanted for each in asks], np.int64),
        np.array([each.requested for each in asks], np.int64),
        np.array([each.percent for each in asks], np.int64),
        np.array([each.is_average for each in asks], np.bool_),
        [each.query for each in asks],
    )


def _starts(sizes: NDArray[Any]) -> Places:
    return np.cumsum(sizes, dtype=np.intp) - sizes
