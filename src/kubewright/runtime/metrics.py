"""The runtime's own Prometheus metrics, under the names that controller-runtime and client-go use.

Existing dashboards and alerts for operators work unchanged. One `RuntimeMetrics` is made by `app.py` on a registry of
its own and passed down; without a registry nothing is counted, and no caller checks for None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kubewright.runtime.traces import Traces

_QUEUE_SECONDS = tuple(10.0**exponent for exponent in range(-8, 4))
_RECONCILE_SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5),
    *(1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60),
)
_QUEUE = ("name", "controller")
_CONTROLLER = ("controller",)


class _Nowhere:
    """Stands for every metric that nobody can ask for: a crowd of keys would be counted in vain."""

    def labels(self, *_: str) -> _Nowhere:
        return self

    def inc(self, _amount: float = 1) -> None:
        pass

    dec = set = observe = inc

    def set_function(self, _: Callable[[], float]) -> None:
        pass


_NOWHERE: Any = _Nowhere()


class RuntimeMetrics:
    """Every metric family of the runtime; labels are bound by whoever counts."""

    def __init__(self, registry: CollectorRegistry | None = None, traces: Traces | None = None) -> None:
        """Make the families; with `traces` single reconciles are written down as well."""
        self.traces = traces

        def counter(name: str, text: str, labels: Sequence[str]) -> Counter:
            return _NOWHERE if registry is None else Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, labels: Sequence[str]) -> Gauge:
            return _NOWHERE if registry is None else Gauge(name, text, labels, registry=registry)

        def histogram(name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
            return _NOWHERE if registry is None else Histogram(name, text, labels, buckets=buckets, registry=registry)

        self.queue_depth = gauge("workqueue_depth", "Keys ready to be worked on", (*_QUEUE, "priority"))
        self.queue_adds = counter("workqueue_adds_total", "Keys that became ready", _QUEUE)
        self.queue_retries = counter("workqueue_retries_total", "Keys put back after a failure", _QUEUE)
        self.queue_wait_seconds = histogram(
            "workqueue_queue_duration_seconds", "Time from ready to started", _QUEUE, _QUEUE_SECONDS
        )
        self.queue_work_seconds = histogram(
            "workqueue_work_duration_seconds", "Time from started to done", _QUEUE, _QUEUE_SECONDS
        )
        self.queue_unfinished_seconds = gauge(
            "workqueue_unfinished_work_seconds", "Summed age of the keys being worked on", _QUEUE
        )
        self.queue_longest_seconds = gauge(
            "workqueue_longest_running_processor_seconds", "Age of the oldest key being worked on", _QUEUE
        )

        prefix = "controller_runtime"
        self.reconciles = counter(
            f"{prefix}_reconcile_total",
            "Reconciles: success, requeue_after or error",
            ("controller", "result"),
        )
        self.reconcile_errors = counter(f"{prefix}_reconcile_errors_total", "Reconciles that failed", _CONTROLLER)
        self.reconcile_terminal_errors = counter(
            f"{prefix}_terminal_reconcile_errors_total", "Failures that only a change from outside ends", _CONTROLLER
        )
        self.reconcile_panics = counter(f"{prefix}_reconcile_panics_total", "Reconciles ended by a bug", _CONTROLLER)
        self.reconcile_timeouts = counter(
            f"{prefix}_reconcile_timeouts_total", "Reconciles that ran out of time", _CONTROLLER
        )
        self.reconcile_seconds = histogram(
            f"{prefix}_reconcile_time_seconds", "Time a reconcile took", _CONTROLLER, _RECONCILE_SECONDS
        )
        self.active_workers = gauge(f"{prefix}_active_workers", "Reconciles running now", _CONTROLLER)
        self.max_workers = gauge(f"{prefix}_max_concurrent_reconciles", "Reconciles that may run at once", _CONTROLLER)

        self.leader_status = gauge("leader_election_master_status", "1 while this process leads", ("name",))
        self.requests = counter(
            "rest_client_requests_total", "Requests to the API server by answer", ("code", "method", "host")
        )
        self.request_seconds = histogram(
            "rest_client_request_duration_seconds",
            "Time to the head of the answer",
            ("verb", "host"),
            (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0),
        )
        self.events_dropped = counter(
            "kubewright_events_dropped_total", "Events never written, by reason", ("component", "reason")
        )

    def queue(self, name: str) -> QueueMetrics:
        """Return the metrics of one work queue, which is named as its controller."""
        return QueueMetrics(self, name)


class QueueMetrics:
    """The `workqueue_*` metrics with one queue's labels bound."""

    def __init__(self, families: RuntimeMetrics, name: str) -> None:
        self._depth = families.queue_depth
        self._name = name
        self._depths: dict[int, Gauge] = {}
        self.adds = families.queue_adds.labels(name, name)
        self.retries = families.queue_retries.labels(name, name)
        self.wait_seconds = families.queue_wait_seconds.labels(name, name)
        self.work_seconds = families.queue_work_seconds.labels(name, name)
        self._unfinished = families.queue_unfinished_seconds.labels(name, name)
        self._longest = families.queue_longest_seconds.labels(name, name)

    def depth(self, priority: int) -> Gauge:
        """Return the gauge of keys ready at one priority."""
        gauge = self._depths.get(priority)
        if gauge is None:
            gauge = self._depths[priority] = self._depth.labels(self._name, self._name, str(priority))
        return gauge

    def watch_running(self, ages_seconds: Callable[[], Sequence[float]]) -> None:
        """Compute the two gauges about unfinished work when they are scraped."""
        self._unfinished.set_function(lambda: sum(ages_seconds()))
        self._longest.set_function(lambda: max(ages_seconds(), default=0.0))
