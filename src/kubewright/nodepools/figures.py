"""Metrics of NodePools, worked out when they are scraped; what is done is counted as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """One pool at present."""

    nodes: int = 0
    coming: int = 0
    emptying: int = 0
    hourly_cost: float = 0.0


class PoolMetrics(Collector):
    """Without a registry the figures are counted and exposed nowhere."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._ask: Callable[[], Mapping[str, PoolFigures]] = dict
        self.changes = Counter(
            "kubewright_nodepool_changes_total",
            "Nodes asked for, begun to be emptied, released again, and given back",
            ("nodepool", "change"),
            registry=registry,
        )
        self.failures = Counter(
            "kubewright_nodepool_provider_failures_total", "Requests that a provider refused", registry=registry
        )
        if registry is not None:
            registry.register(self)

    def watch(self, ask: Callable[[], Mapping[str, PoolFigures]]) -> None:
        """Ask for the pools' figures when they are scraped."""
        self._ask = ask

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return nothing: the families are known when they are collected."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families."""
        pools = self._ask()
        families: tuple[tuple[str, str, Callable[[PoolFigures], float]], ...] = (
            ("nodes", "The pool's nodes", lambda each: each.nodes),
            ("coming_nodes", "Nodes that were asked for and are not there", lambda each: each.coming),
            ("emptying_nodes", "Nodes that are being emptied", lambda each: each.emptying),
            ("hourly_cost", "What the nodes cost an hour", lambda each: each.hourly_cost),
        )
        for name, text, value in families:
            family = GaugeMetricFamily(f"kubewright_nodepool_{name}", text, labels=("nodepool",))
            for pool, each in pools.items():
                family.add_metric((pool,), value(each))
            yield family
