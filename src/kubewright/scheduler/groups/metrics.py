"""Metrics of queues, worked out when they are scraped; how long pods waited is counted as they get their nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

from kubewright.runtime.scraped import Scraped, gauge

_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600)


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue at present."""

    pending: int
    oldest_seconds: float
    """For how long the pod has waited that has waited longest; 0 without any."""
    share: float
    used: Mapping[str, int]
    borrowed: Mapping[str, int]
    nominal: Mapping[str, int]


class GroupMetrics(Scraped[str, QueueFigures]):
    """Without a registry the figures are counted and exposed nowhere."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self.wait_seconds = Histogram(
            "kubewright_queue_wait_seconds",
            "Time from first seeing a pod to its node, by queue",
            ("queue",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.reclaimed = Counter(
            "kubewright_queue_reclaimed_pods_total",
            "Pods taken from a queue for another",
            ("queue",),
            registry=registry,
        )
        self.gangs_given_back = Counter(
            "kubewright_gangs_given_back_total", "Gangs that were not whole by their deadline", registry=registry
        )

    def families(self, figures: Mapping[str, QueueFigures]) -> Iterator[GaugeMetricFamily]:
        """Yield how queues stand."""
        yield _family("pending_pods", "Pods that want a node", {name: each.pending for name, each in figures.items()})
        yield _family(
            "oldest_pending_seconds",
            "For how long a queue's longest waiting pod has waited",
            {name: each.oldest_seconds for name, each in figures.items()},
        )
        yield _family(
            "share", "The largest part of anything limited, by weight", {n: q.share for n, q in figures.items()}
        )
        yield _by_resource("used", "What a queue's pods take", {name: each.used for name, each in figures.items()})
        yield _by_resource("borrowed", "How much is others'", {name: each.borrowed for name, each in figures.items()})
        yield _by_resource("nominal", "What is a queue's own", {name: each.nominal for name, each in figures.items()})


def _family(name: str, text: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    return gauge(f"kubewright_queue_{name}", text, ("queue",), (((queue,), value) for queue, value in values.items()))


def _by_resource(name: str, text: str, values: Mapping[str, Mapping[str, int]]) -> GaugeMetricFamily:
    amounts = (
        ((queue, resource), amount / 1000 if resource == "cpu" else amount)
        for queue, each in values.items()
        for resource, amount in each.items()
    )
    return gauge(f"kubewright_queue_{name}", text, ("queue", "resource"), amounts)
