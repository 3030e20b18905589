"""Metrics of NodePools, worked out when they are scraped; what is done is counted as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily

from kubewright.runtime.scraped import Scraped, gauge


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """One pool at present."""

    nodes: int = 0
    coming: int = 0
    emptying: int = 0
    hourly_cost: float = 0.0


class PoolMetrics(Scraped[str, PoolFigures]):
    """Without a registry the figures are counted and exposed nowhere."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self.changes = Counter(
            "kubewright_nodepool_changes_total",
            "Nodes asked for, begun to be emptied, released again, and given back",
            ("nodepool", "change"),
            registry=registry,
        )
        self.failures = Counter(
            "kubewright_nodepool_provider_failures_total", "Requests that a provider refused", registry=registry
        )

    def families(self, figures: Mapping[str, PoolFigures]) -> Iterator[GaugeMetricFamily]:
        """Yield how pools stand."""
        told: tuple[tuple[str, str, Callable[[PoolFigures], float]], ...] = (
            ("nodes", "The pool's nodes", lambda each: each.nodes),
            ("coming_nodes", "Nodes that were asked for and are not there", lambda each: each.coming),
            ("emptying_nodes", "Nodes that are being emptied", lambda each: each.emptying),
            ("hourly_cost", "What the nodes cost an hour", lambda each: each.hourly_cost),
        )
        for name, text, value in told:
            values = (((pool,), value(each)) for pool, each in figures.items())
            yield gauge(f"kubewright_nodepool_{name}", text, ("nodepool",), values)
