"""What was measured for all policies at one moment. Pure: `measuring` fills it, `metrics` reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from kubewright.api.autoscaling import PodMetrics
from kubewright.api.crds.scalepolicy import PolicyMetric, ResourceGoal, ScalePolicySpec
from kubewright.autoscaler.columns import MILLI, Column, LatencyColumns
from kubewright.scaling import usage
from kubewright.scaling.podset import PodSet
from kubewright.series import windows
from kubewright.series.protocol import Missing, Signal, Vector, Why

WINDOW_SECONDS = 60.0
"""Rates are means over this."""
STALE_SECONDS = 120.0
"""A measurement that is so far from now, before or after, is of another time: a store hangs, or a clock has jumped."""
SIGNALS: Mapping[str, Signal] = {
    "cpu": Signal.CPU,
    "memory": Signal.MEMORY,
    "requests": Signal.REQUESTS,
    "latency": Signal.LATENCY,
    "gpu": Signal.GPU,
}
_USUAL = (PolicyMetric(cpu=ResourceGoal(percent=70)),)

_NOT_ASKED = Missing(Why.NO_DATA, "not asked yet")


@dataclass(frozen=True, slots=True)
class Needs:
    """What policies go by."""

    signals: frozenset[Signal] = frozenset()
    queries: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    """Whose pods are asked about; queries say for themselves what they are about."""

    @classmethod
    def of_all(cls, needs: Iterable[Needs]) -> Needs:
        """Return what is needed by any."""
        found = list(needs)
        return cls(
            frozenset(signal for each in found for signal in each.signals),
            frozenset(query for each in found for query in each.queries),
            frozenset(namespace for each in found for namespace in each.namespaces),
        )

    def covers(self, other: Needs) -> bool:
        """Tell whether whoever has asked for this has asked for the other as well."""
        return (
            other.signals <= self.signals
            and other.queries <= self.queries
            and (not other.signals or other.namespaces <= self.namespaces)
        )


def needs_of(namespace: str, spec: ScalePolicySpec) -> Needs:
    """Return what one policy goes by."""
    return _needs_of(namespace, metrics_of(spec))


@lru_cache(maxsize=16_384)
def _needs_of(namespace: str, metrics: tuple[PolicyMetric, ...]) -> Needs:
    signals = frozenset(SIGNALS[kind] for metric in metrics for kind in metric.kinds if kind in SIGNALS)
    queries = frozenset(goal.query for metric in metrics for goal in (metric.queue, metric.promql) if goal is not None)
    return Needs(signals, queries, frozenset({namespace}) if signals else frozenset())


def metrics_of(spec: ScalePolicySpec) -> tuple[PolicyMetric, ...]:
    """Return what a policy goes by, which is cpu if it does not say."""
    return spec.metrics or _USUAL


class Containers:
    """What containers use, looked up pod by pod as few policies do."""

    def __init__(self, measured: Sequence[PodMetrics]) -> None:
        self.measured = measured

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], PodMetrics]:
        return {(each.metadata.namespace, each.metadata.name): each for each in self.measured}

    def of(self, pods: PodSet) -> list[PodMetrics]:
        """Return what is known of these pods."""
        found = (self._by_name.get((pods.namespace, name)) for name in pods.names)
        return [each for each in found if each is not None]


@dataclass(frozen=True, slots=True)
class Readings:
    """What was found. Whatever was not asked for is as missing as what nobody knows."""

    at: float = 0.0
    needs: Needs = field(default_factory=Needs)
    containers: Containers | Missing = field(default_factory=lambda: Containers(()))
    """Of `metrics.k8s.io`."""
    signals: Mapping[Signal, Column | Missing] = field(default_factory=dict[Signal, Column | Missing])
    """By `metrics.k8s.io`, too, as far as that tells of whole pods."""
    latency: LatencyColumns | Missing = _NOT_ASKED
    queries: Mapping[str, Vector | Missing] = field(default_factory=dict[str, Vector | Missing])

    def resource(self, name: str, container: str, pods: PodSet) -> dict[str, usage.Sample] | Missing:
        """Return what pods, or one container of each, use of cpu or memory, by the pod's name."""
        if not container:
            return self.signal(SIGNALS[name], pods)
        found = self.containers
        if isinstance(found, Missing):
            return Missing(found.why, f"{found.detail}; containers are told by metrics.k8s.io alone")
        samples = usage.samples(found.of(pods), name, container)
        return {pod: each for pod, each in samples.items() if self._is_fresh(each.at)}

    def signal(self, signal: Signal, pods: PodSet) -> dict[str, usage.Sample] | Missing:
        """Return what pods do, by their names."""
        found = self.signals.get(signal, _NOT_ASKED)
        return found if isinstance(found, Missing) else found.of(pods)

    def percentile(self, percent: int, pods: PodSet) -> float | Missing:
        """Return the latency in seconds of the requests that pods served."""
        if isinstance(self.latency, Missing):
            return self.latency
        ascending = self.latency.buckets(pods)
        if not ascending or ascending[-1][1] <= 0:
            return Missing(Why.NO_DATA, f"no requests to {len(pods)} pods")
        return windows.quantile(ascending, percent / 100)

    def number(self, query: str) -> float | Missing:
        """Return what a query says that has one answer."""
        found = self._answer(query)
        return found if isinstance(found, Missing) else found.single()

    def per_pod(self, query: str, pods: PodSet) -> dict[str, usage.Sample] | Missing:
        """Return what a query says of pods, by their names."""
        found = self._answer(query)
        if isinstance(found, Missing):
            return found
        by_pod = found.by_pod()
        return {
            pod.metadata.name: usage.Sample(round(sample.value * MILLI), sample.at)
            for pod in pods
            if (sample := by_pod.get(pod.key)) is not None
        }

    def _answer(self, query: str) -> Vector | Missing:
        found = self.queries.get(query, _NOT_ASKED)
        if isinstance(found, Missing) or all(self._is_fresh(sample.at) for sample in found.samples):
            return found
        return Missing(Why.STALE, "the store's clock and ours are minutes apart")

    def _is_fresh(self, at: float) -> bool:
        return abs(self.at - at) <= STALE_SECONDS
