"""The scheduler's Prometheus metrics, under kube-scheduler's names: its dashboards and alerts work unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = tuple(0.001 * 2**exponent for exponent in range(15))
_SLI_SECONDS = tuple(0.01 * 2**exponent for exponent in range(20))
_MOST_ATTEMPTS = 16
"""Pods that took more are counted with those that took so many."""
QUEUES = ("active", "backoff", "unschedulable", "gated")


class SchedulerMetrics:
    """Without a registry the figures are counted and exposed nowhere."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._attempts = Counter(
            "scheduler_schedule_attempts_total",
            "Attempts to schedule pods: scheduled, unschedulable or error",
            ("result", "profile"),
            registry=registry,
        )
        self._attempt_seconds = Histogram(
            "scheduler_scheduling_attempt_duration_seconds",
            "Time from a pod's turn to its binding, or to knowing that it fits nowhere",
            ("result", "profile"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.algorithm_seconds = Histogram(
            "scheduler_scheduling_algorithm_duration_seconds",
            "Time that choosing a node took",
            buckets=_SECONDS,
            registry=registry,
        )
        self._sli_seconds = Histogram(
            "scheduler_pod_scheduling_sli_duration_seconds",
            "Time from first seeing a pod to its binding, over all attempts",
            ("attempts",),
            buckets=_SLI_SECONDS,
            registry=registry,
        )
        self._pod_attempts = Histogram(
            "scheduler_pod_scheduling_attempts",
            "Attempts that it took to schedule a pod",
            buckets=(1, 2, 4, 8, 16),
            registry=registry,
        )
        self.preemption_attempts = Counter(
            "scheduler_preemption_attempts_total", "Searches for pods to preempt", registry=registry
        )
        self.preemption_victims = Histogram(
            "scheduler_preemption_victims",
            "Pods that had to go for one",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self._pending = Gauge("scheduler_pending_pods", "Pods that want a node", ("queue",), registry=registry)

        self._by_result: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        """Looking labels up costs more than counting."""

    def attempted(self, result: str, profile: str, seconds: float) -> None:
        """Count an attempt by what came of it, and how long it took."""
        bound = self._by_result.get((result, profile))
        if bound is None:
            labels = (result, profile)
            bound = self._by_result[labels] = self._attempts.labels(*labels), self._attempt_seconds.labels(*labels)
        counter, histogram = bound
        counter.inc()
        histogram.observe(seconds)

    def scheduled(self, attempts: int, seconds: float) -> None:
        """Count a pod that got its node, after so many attempts and so long since it was first seen."""
        self._pod_attempts.observe(attempts)
        self._sli_seconds.labels(str(min(attempts, _MOST_ATTEMPTS))).observe(seconds)

    def watch_pending(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Count the pods of each queue when they are scraped."""
        for queue in QUEUES:
            self._pending.labels(queue).set_function(lambda queue=queue: counts()[queue])
