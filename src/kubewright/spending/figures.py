"""Metrics of costs, worked out each minute: what everybody costs an hour, for Prometheus to remember and add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily

from kubewright.costs.allocate import Kind
from kubewright.costs.ledger import Ledger
from kubewright.costs.money import UNIT, Money
from kubewright.runtime.scraped import Scraped, gauge

RATE = "kubewright_cost_rate"
TOTAL = "kubewright_cost_total_rate"


@dataclass(slots=True)
class Rate:
    """What an hour costs."""

    cost: Money = 0
    wasted: Money = 0
    unmeasured: Money = 0
    """Of the cost, what was charged without knowing what was used."""


@dataclass(frozen=True, slots=True)
class Rates:
    """An hour as it was at the last look."""

    owners: Mapping[tuple[str, str], Rate]
    """By team and namespace."""
    idle: Money
    total: Money


class CostMetrics(Scraped[str, Rates]):
    """Without a registry the figures are exposed nowhere."""

    def families(self, figures: Mapping[str, Rates]) -> Iterator[GaugeMetricFamily]:
        """Yield what is known; nothing before the first look. The key is the currency."""
        owned = [
            ((currency, *owner), each) for currency, found in figures.items() for owner, each in found.owners.items()
        ]
        labels = ("currency", "team", "namespace")
        costs = ((key, each.cost / UNIT) for key, each in owned)
        yield gauge(RATE, "What workloads cost an hour, by whose they are", labels, costs)
        wasted = ((key, each.wasted / UNIT) for key, each in owned if each.unmeasured < each.cost)
        yield gauge("kubewright_cost_wasted_rate", "Of it, what is requested and not used", labels, wasted)
        idle = (((currency,), each.idle / UNIT) for currency, each in figures.items())
        yield gauge(
            "kubewright_cost_idle_rate", "What an hour of all that costs that nobody asked for", labels[:1], idle
        )
        total = (((currency,), each.total / UNIT) for currency, each in figures.items())
        yield gauge(TOTAL, "What an hour of everything costs", labels[:1], total)


def rates(ledger: Ledger) -> Rates:
    """Sum an hour by team and namespace."""
    owners: dict[tuple[str, str], Rate] = {}
    idle = 0
    for line in ledger.lines:
        if line.kind is Kind.WORKLOAD:
            each = owners.setdefault((line.owner.team, line.owner.namespace), Rate())
            each.cost += line.cost
            each.wasted += line.wasted
            each.unmeasured += line.unmeasured
        elif line.kind is Kind.IDLE:
            idle += line.cost
    return Rates(owners, idle, ledger.cost)
