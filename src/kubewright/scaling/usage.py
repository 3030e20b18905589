"""How many replicas the use of a resource asks for. Pure.

The rules are kube-controller-manager's (`replica_calculator.go`): which pods' use counts, what is assumed of the
others, and from which difference on anything is done. Amounts are in thousandths throughout, as they are there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from kubewright.api.autoscaling import PodMetrics
from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.cron import parse_duration
from kubewright.api.meta import parse_time
from kubewright.api.quantity import milli
from kubewright.api.resources import CPU
from kubewright.scaling.podset import INITIALIZATION_SECONDS, NoProposalError, PodSet

READINESS_DELAY_SECONDS = 30.0
"""A pod that turned unready within this after its start was never really ready."""
_WHOLE = 100
_NOBODY = frozenset[str]()
_MOST_REPLICAS = 2.0**31 - 1


class Sample(NamedTuple):
    """What one pod uses, in thousandths, and when it was measured over which time before."""

    amount: int
    at: float = 0.0
    window_seconds: float = 0.0


_IDLE = Sample(0)


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Within which distance from what is wanted nothing is done."""

    down: float = 0.1
    up: float = 0.1

    def hold(self, ratio: float) -> bool:
        """Tell whether present and wanted use are near enough."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Proposal(NamedTuple):
    """How many replicas one metric asks for, and what its use is now, in thousandths and in per cent."""

    replicas: int
    average: int
    utilization: int | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The pods that are scaled, as of `now`, and how many of them are wanted at present."""

    pods: PodSet
    replicas: int
    tolerances: Tolerances
    now: float


def samples(metrics: Iterable[PodMetrics], resource: str, container: str) -> dict[str, Sample]:
    """Read the use of a resource by whole pods, or by one container of each; who lacks it is left out."""
    found = ((each.metadata.name, sample_of(each, resource, container)) for each in metrics)
    return {name: sample for name, sample in found if sample is not None}


def sample_of(measured: PodMetrics, resource: str, container: str) -> Sample | None:
    """Read the use of a resource by a pod, or by one container of it; None if that was not measured."""
    amount, counted = 0, False
    for each in measured.containers:
        if not container or each.name == container:
            used = each.usage.get(resource)
            if used is None:
                return None
            amount, counted = amount + milli(used), True
    return Sample(amount, _moment(measured.timestamp), parse_duration(measured.window)) if counted else None


_moment = lru_cache(maxsize=1024)(parse_time)
"""Pods are measured many at a time."""


def by_utilization(pool: Pool, used: Mapping[str, Sample], resource: str, container: str, wanted: int) -> Proposal:
    """Aim at a share of what the pods request, in per cent; raises NoProposalError."""
    groups = _Groups.of(pool, used, resource)
    counted = groups.counted(used)
    requests = pool.pods.requests(resource, container)
    utilization, average = _utilization(counted, requests)
    ratio = utilization / wanted
    if groups.are_settled(ratio):
        return Proposal(by_ratio(pool.replicas, groups.ready, ratio, pool.tolerances), average, utilization)
    assumed = max(_WHOLE, wanted)
    busy = {name: Sample(requests[name] * assumed // _WHOLE) for name in groups.missing}
    filled = groups.filled(counted, busy, ratio)
    ratio_then = _utilization(filled, requests)[0] / wanted
    return Proposal(
        by_filled_ratio(pool.replicas, len(filled), ratio, ratio_then, pool.tolerances), average, utilization
    )


def by_average(pool: Pool, used: Mapping[str, Sample], resource: str, wanted: int) -> Proposal:
    """Aim at an amount for each pod, in thousandths; raises NoProposalError."""
    groups = _Groups.of(pool, used, resource)
    counted = groups.counted(used)
    average = _average(counted)
    ratio = average / wanted
    if groups.are_settled(ratio):
        return Proposal(by_ratio(pool.replicas, groups.ready, ratio, pool.tolerances), average)
    filled = groups.filled(counted, dict.fromkeys(groups.missing, Sample(wanted)), ratio)
    ratio_then = _average(filled) / wanted
    return Proposal(by_filled_ratio(pool.replicas, len(filled), ratio, ratio_then, pool.tolerances), average)


def by_value(pool: Pool, value: float, wanted: float) -> Proposal:
    """Aim at a number that falls as there are more pods; both in the same unit."""
    ratio = value / wanted
    if not pool.replicas:
        return Proposal(_whole(ratio, _MOST_REPLICAS), _whole(value))
    if pool.tolerances.hold(ratio):
        return Proposal(pool.replicas, _whole(value))
    return Proposal(_whole(ratio * pool.pods.ready, _MOST_REPLICAS), _whole(value))


def by_total(replicas: int, total: float, wanted: float, tolerances: Tolerances) -> Proposal:
    """Aim at a share of a total for each of the pods that there are; both in the same unit."""
    if not replicas:
        return Proposal(_whole(total / wanted, _MOST_REPLICAS), _whole(total))
    held = tolerances.hold(total / (wanted * replicas))
    return Proposal(replicas if held else _whole(total / wanted, _MOST_REPLICAS), _whole(total / replicas))


def _whole(number: float, most: float = 1e18) -> int:
    """Round up, to what a counter holds at most."""
    return math.ceil(min(number, most))


def _average(used: Mapping[str, Sample]) -> int:
    return sum([sample[0] for sample in used.values()]) // len(used)


def _utilization(used: Mapping[str, Sample], requests: Mapping[str, int]) -> tuple[int, int]:
    """Return the use in per cent of what is requested, and its average; of pods that are not known nothing counts."""
    known = used if used.keys() <= requests.keys() else {name: each for name, each in used.items() if name in requests}
    requested = sum([requests[name] for name in known])
    if not requested:
        raise NoProposalError("no metrics returned matched known pods")
    amount = sum([sample[0] for sample in known.values()])
    return amount * _WHOLE // requested, amount // len(known)


def by_ratio(replicas: int, ready: int, ratio: float, tolerances: Tolerances) -> int:
    """Return how many replicas bring a ratio of the ready ones' use to 1, where there are no others to think of."""
    return replicas if tolerances.hold(ratio) else math.ceil(ratio * ready)


def by_filled_ratio(replicas: int, counted: int, ratio: float, ratio_then: float, tolerances: Tolerances) -> int:
    """Return the same where `ratio_then` is what the ratio becomes with the others, who make it `counted` pods.

    When the direction is not the same with them, nothing is done.
    """
    turned = ratio_then > 1 if ratio < 1 else ratio_then < 1 < ratio
    wanted = math.ceil(ratio_then * counted)
    beyond = wanted > replicas if ratio_then < 1 else wanted < replicas and ratio_then > 1
    return replicas if tolerances.hold(ratio_then) or turned or beyond else wanted


@dataclass(frozen=True, slots=True)
class _Groups:
    """The pods by whether their use counts."""

    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]

    @classmethod
    def of(cls, pool: Pool, used: Mapping[str, Sample], resource: str) -> _Groups:
        """Sort the pods; raises NoProposalError when there are none."""
        if not pool.pods:
            raise NoProposalError("no pods returned by selector while calculating replica count")
        if pool.pods.is_steady(resource, pool.now) and pool.pods.names.keys() <= used.keys():
            return cls(len(pool.pods), _NOBODY, _NOBODY, _NOBODY)
        ready, unready, missing, ignored = 0, set[str](), set[str](), set[str]()
        for pod in pool.pods:
            name, status = pod.metadata.name, pod.status
            if status.phase == "Failed" or pod.metadata.deletion_timestamp is not None:
                ignored.add(name)
            elif status.phase == "Pending":
                unready.add(name)
            elif (sample := used.get(name)) is None:
                missing.add(name)
            elif resource == CPU and not _cpu_counts(pod, sample, pool.now):
                unready.add(name)
            else:
                ready += 1
        return cls(ready, frozenset(unready), frozenset(missing), frozenset(ignored))

    def counted(self, used: Mapping[str, Sample]) -> Mapping[str, Sample]:
        """Return the use that counts; raises NoProposalError when none does."""
        if self.unready or self.ignored:
            left_out = self.unready | self.ignored
            used = {name: sample for name, sample in used.items() if name not in left_out}
        if not used:
            raise NoProposalError("did not receive metrics for targeted pods (pods might be unready)")
        return used

    def are_settled(self, ratio: float) -> bool:
        """Tell whether there is nobody besides those that count who must be thought of."""
        return not self.missing and not (self.unready and ratio > 1)

    def filled(self, counted: Mapping[str, Sample], busy: Mapping[str, Sample], ratio: float) -> Mapping[str, Sample]:
        """Return the use with what is assumed of those that do not count: what is not known must not hurt.

        Pods that lack metrics are taken as `busy` where there would be fewer replicas and as idle where there would be
        more, pods that are not ready as idle.
        """
        if ratio < 1:
            return {**counted, **busy}
        if ratio > 1:
            return {**counted, **dict.fromkeys(self.unready | self.missing, _IDLE)}
        return counted


def _cpu_counts(pod: Pod, sample: Sample, now: float) -> bool:
    """Tell whether a pod's cpu says something of its load: starting up costs cpu, too."""
    ready = find_condition(pod.status.conditions, "Ready")
    if ready is None or pod.status.start_time is None:
        return False
    started, turned = parse_time(pod.status.start_time), _since(ready.last_transition_time)
    unready = ready.status == "False"
    if started + INITIALIZATION_SECONDS > now:
        return not unready and sample.at >= turned + sample.window_seconds
    return not (unready and started + READINESS_DELAY_SECONDS > turned)


def _since(text: str | None) -> float:
    return parse_time(text) if text else 0.0
