"""How many replicas the use of a resource asks for. Pure.

The rules are kube-controller-manager's (`replica_calculator.go`): which pods' use counts, what is assumed of the
others, and from which difference on anything is done. Amounts are in thousandths throughout, as they are there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kubewright.api.autoscaling import PodMetrics
from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.cron import parse_duration
from kubewright.api.meta import parse_time
from kubewright.api.quantity import milli
from kubewright.api.resources import CPU, pod_request

INITIALIZATION_SECONDS = 300.0
"""So long after its start a pod's cpu counts only while it is ready and was so for a whole window."""
READINESS_DELAY_SECONDS = 30.0
"""A pod that turned unready within this after its start was never really ready."""
_WHOLE = 100
_NOBODY = frozenset[str]()
_MOST_REPLICAS = 2.0**31 - 1


class NoProposalError(Exception):
    """No number can be worked out; the text says why, as the condition will."""


class Sample(NamedTuple):
    """What one pod uses, in thousandths, and when it was measured over which time before."""

    amount: int
    at: float = 0.0
    window_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Within which distance from what is wanted nothing is done."""

    down: float = 0.1
    up: float = 0.1

    def hold(self, ratio: float) -> bool:
        """Tell whether present and wanted use are near enough."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Proposal:
    """How many replicas one metric asks for, and what its use is now, in thousandths and in per cent."""

    replicas: int
    average: int
    utilization: int | None = None


@dataclass(slots=True)
class Pool:
    """The pods that are scaled, as of `now`, and how many of them are wanted at present."""

    pods: Sequence[Pod]
    replicas: int
    tolerances: Tolerances
    now: float
    _steady: tuple[bool, bool] | None = None

    def is_steady(self, resource: str) -> bool:
        """Tell whether every pod's use counts as soon as it is known, as is so nearly always: one look for all metrics.

        None fails, goes or is pending; and, as cpu is asked for, each is ready and started long ago.
        """
        if self._steady is None:
            up = all(pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None for pod in self.pods)
            self._steady = up, up and all(_is_warm(pod, self.now) for pod in self.pods)
        return self._steady[resource == CPU]


def samples(metrics: Iterable[PodMetrics], resource: str, container: str) -> dict[str, Sample]:
    """Read the use of a resource by whole pods, or by one container of each; who lacks it is left out."""
    found: dict[str, Sample] = {}
    for each in metrics:
        chosen = [one for one in each.containers if not container or one.name == container]
        if chosen and all(resource in one.usage for one in chosen):
            amount = sum(milli(one.usage[resource]) for one in chosen)
            found[each.metadata.name] = Sample(amount, parse_time(each.timestamp), parse_duration(each.window))
    return found


def by_utilization(pool: Pool, used: Mapping[str, Sample], resource: str, container: str, wanted: int) -> Proposal:
    """Aim at a share of what the pods request, in per cent; raises NoProposalError."""
    groups = _Groups.of(pool, used, resource)
    counted = groups.counted(used)
    requests = {pod.metadata.name: requests_of(pod, resource, container) for pod in pool.pods}
    utilization, average = _utilization(counted, requests)
    assumed = max(_WHOLE, wanted)
    busy = {name: requests[name] * assumed // _WHOLE for name in groups.missing}
    replicas = _replicas(pool, groups, counted, busy, lambda amounts: _utilization(amounts, requests)[0] / wanted)
    return Proposal(replicas, average, utilization)


def by_average(pool: Pool, used: Mapping[str, Sample], resource: str, wanted: int) -> Proposal:
    """Aim at an amount for each pod, in thousandths; raises NoProposalError."""
    groups = _Groups.of(pool, used, resource)
    counted = groups.counted(used)
    busy = dict.fromkeys(groups.missing, wanted)
    replicas = _replicas(pool, groups, counted, busy, lambda amounts: _average(amounts) / wanted)
    return Proposal(replicas, _average(counted))


def by_value(pool: Pool, value: float, wanted: float) -> Proposal:
    """Aim at a number that falls as there are more pods; both in the same unit."""
    ratio = value / wanted
    if not pool.replicas:
        return Proposal(_whole(ratio, _MOST_REPLICAS), _whole(value))
    if pool.tolerances.hold(ratio):
        return Proposal(pool.replicas, _whole(value))
    ready = sum(pod.status.phase == "Running" and pod.is_ready for pod in pool.pods)
    return Proposal(_whole(ratio * ready, _MOST_REPLICAS), _whole(value))


def by_total(replicas: int, total: float, wanted: float, tolerances: Tolerances) -> Proposal:
    """Aim at a share of a total for each of the pods that there are; both in the same unit."""
    if not replicas:
        return Proposal(_whole(total / wanted, _MOST_REPLICAS), _whole(total))
    held = tolerances.hold(total / (wanted * replicas))
    return Proposal(replicas if held else _whole(total / wanted, _MOST_REPLICAS), _whole(total / replicas))


def _whole(number: float, most: float = 1e18) -> int:
    """Round up, to what a counter holds at most."""
    return math.ceil(min(number, most))


def _average(amounts: Mapping[str, int]) -> int:
    return sum(amounts.values()) // len(amounts)


def _utilization(amounts: Mapping[str, int], requests: Mapping[str, int]) -> tuple[int, int]:
    """Return the use in per cent of what is requested, and its average; of pods that are not known nothing counts."""
    known = amounts if amounts.keys() <= requests.keys() else {n: a for n, a in amounts.items() if n in requests}
    requested = sum([requests[name] for name in known])
    if not requested:
        raise NoProposalError("no metrics returned matched known pods")
    return sum(known.values()) * _WHOLE // requested, _average(known)


def _replicas(
    pool: Pool,
    groups: _Groups,
    counted: Mapping[str, int],
    busy: Mapping[str, int],
    ratio_of: Callable[[Mapping[str, int]], float],
) -> int:
    """Return how many replicas bring the ratio of present to wanted use to 1.

    What is not known must not hurt: pods that lack metrics are taken as `busy` where there would be fewer replicas and
    as idle where there would be more, pods that are not ready as idle. When the direction is not the same with them,
    nothing is done.
    """
    ratio = ratio_of(counted)
    idle = groups.unready if ratio > 1 else _NOBODY
    if not idle and not groups.missing:
        return by_ratio(pool.replicas, groups.ready, ratio, pool.tolerances)
    filled = {**counted, **dict.fromkeys(idle, 0)}
    if ratio < 1:
        filled |= busy
    elif ratio > 1:
        filled |= dict.fromkeys(groups.missing, 0)
    return by_filled_ratio(pool.replicas, len(filled), ratio, ratio_of(filled), pool.tolerances)


def by_ratio(replicas: int, ready: int, ratio: float, tolerances: Tolerances) -> int:
    """Return how many replicas bring a ratio of the ready ones' use to 1, where there are no others to think of."""
    return replicas if tolerances.hold(ratio) else math.ceil(ratio * ready)


def by_filled_ratio(replicas: int, counted: int, ratio: float, ratio_then: float, tolerances: Tolerances) -> int:
    """Return the same where `ratio_then` is what the ratio becomes with the others, who make it `counted` pods."""
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
        if pool.is_steady(resource) and all(pod.metadata.name in used for pod in pool.pods):
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

    def counted(self, used: Mapping[str, Sample]) -> dict[str, int]:
        """Return the use that counts; raises NoProposalError when none does."""
        left_out = self.unready | self.ignored if self.unready or self.ignored else _NOBODY
        if left_out:
            counted = {name: sample[0] for name, sample in used.items() if name not in left_out}
        else:
            counted = {name: sample[0] for name, sample in used.items()}
        if not counted:
            raise NoProposalError("did not receive metrics for targeted pods (pods might be unready)")
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


def _is_warm(pod: Pod, now: float) -> bool:
    """Tell whether a pod's cpu counts whenever it was measured: it is ready, and its start is long ago."""
    started = pod.status.start_time
    return pod.is_ready and started is not None and parse_time(started) + INITIALIZATION_SECONDS <= now


def _since(text: str | None) -> float:
    return parse_time(text) if text else 0.0


def requests_of(pod: Pod, resource: str, container: str) -> int:
    """Return what a pod, or one container of it, requests, in thousandths; raises NoProposalError."""
    name = pod.metadata.name
    if not container and pod.spec.resources is not None and pod.spec.resources.requests:
        whole = pod_request(pod)
        if resource not in whole:
            raise NoProposalError(f"missing pod-level request for {resource} in Pod {name}")
        return whole[resource] if resource == CPU else whole[resource] * 1000
    containers = pod.spec.containers
    if not container and len(containers) == 1 and not pod.spec.init_containers:
        amount = containers[0].resources.requests.get(resource)  # as most pods are
        if amount is not None:
            return milli(amount)
    chosen = [each for each in pod.spec.staying if not container or each.name == container]
    if container and not chosen:
        raise NoProposalError(f"container {container} not found in Pod {name}")
    lacking = next((each.name for each in chosen if resource not in each.resources.requests), None)
    if lacking is not None:
        raise NoProposalError(f"missing request for {resource} in container {lacking} of Pod {name}")
    return sum(milli(each.resources.requests[resource]) for each in chosen)
