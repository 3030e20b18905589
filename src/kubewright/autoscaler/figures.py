"""Metrics of ScalePolicies, worked out when they are scraped; what is done is counted as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily

from kubewright.api.meta import ObjectKey
from kubewright.runtime.scraped import Scraped, gauge

PREFIX = "kubewright_scalepolicy_"
DESIRED, FORECAST = "desired_replicas", "forecast_replicas"
_LABELS = ("namespace", "scalepolicy")


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """One policy at present."""

    current: int
    desired: int
    least: int
    most: int
    failing: int
    """How many of its metrics could not be measured."""
    predictive: bool
    wants_more: bool
    """Whether its metrics ask for more than there may be."""
    surprised: bool
    """Whether there is more than was forecast."""
    forecast: int = 0
    """How many pods what is coming needs; 0 while nothing is forecast."""


class ScalingMetrics(Scraped[ObjectKey, PolicyFigures]):
    """Without a registry the figures are counted and exposed nowhere."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self.scalings = Counter(
            "kubewright_autoscaler_scalings_total",
            "Changes of a workload's replicas, by direction",
            ("direction",),
            registry=registry,
        )
        self.queries = Counter("kubewright_autoscaler_queries_total", "Questions for measurements", registry=registry)

    def families(self, figures: Mapping[ObjectKey, PolicyFigures]) -> Iterator[GaugeMetricFamily]:
        """Yield how policies stand."""
        told: tuple[tuple[str, str, Callable[[PolicyFigures], float]], ...] = (
            ("current_replicas", "Pods that are wanted", lambda each: each.current),
            (DESIRED, "Pods that there should be", lambda each: each.desired),
            ("min_replicas", "The least that there may be now", lambda each: each.least),
            ("max_replicas", "The most that there may be now", lambda each: each.most),
            ("failing_metrics", "Metrics that could not be measured", lambda each: each.failing),
            ("predictive", "Whether it goes by a forecast", lambda each: each.predictive),
            ("wants_more", "Whether metrics ask for more pods than there may be", lambda each: each.wants_more),
            ("surprised", "Whether there is more than was forecast", lambda each: each.surprised),
            (FORECAST, "Pods that what is coming needs; 0 while nothing is forecast", lambda each: each.forecast),
        )
        for name, text, value in told:
            values = ((key, value(each)) for key, each in figures.items())
            yield gauge(f"{PREFIX}{name}", text, _LABELS, values)
