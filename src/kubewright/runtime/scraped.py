"""Metrics that are worked out when they are scraped, of figures that whoever knows them is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

K = TypeVar("K")
F = TypeVar("F")


class Scraped(Collector, Generic[K, F]):
    """Figures of type F by key. Without a registry they are exposed nowhere."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._ask: Callable[[], Mapping[K, F]] = dict
        if registry is not None:
            registry.register(self)

    def watch(self, ask: Callable[[], Mapping[K, F]]) -> None:
        """Ask for the figures when they are scraped."""
        self._ask = ask

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return nothing: the families are known when they are collected."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families."""
        return self.families(self._ask())

    @abstractmethod
    def families(self, figures: Mapping[K, F]) -> Iterator[GaugeMetricFamily]:
        """Yield what the figures come to."""


def gauge(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    """Return a gauge of values by their labels."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
