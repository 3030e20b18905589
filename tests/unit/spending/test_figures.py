"""What is told to Prometheus."""

from prometheus_client import CollectorRegistry

from kubewright.costs.allocate import allocate
from kubewright.costs.ledger import Ledger
from kubewright.spending.figures import CostMetrics, rates
from tests.unit.costs.build import asset, demand, owner, tariff


def test_waste_is_not_told_where_nobody_measured_use():
    registry = CollectorRegistry()
    ledger = Ledger(0, 3600)
    assets = [asset("a", tariff(cpu=1), cpu=8)]
    wanted = [demand(owner(), "a", "cpu", 4), demand(owner("ads", "market", "ads"), "a", "cpu", 2, used="0.5")]
    ledger.take(assets, allocate(assets, wanted)[0])
    CostMetrics(registry).watch(lambda: {"EUR": rates(ledger)})

    def told(name, team, namespace):
        return registry.get_sample_value(name, {"currency": "EUR", "team": team, "namespace": namespace})

    assert told("kubewright_cost_rate", "shops", "shop") == 4
    assert told("kubewright_cost_wasted_rate", "shops", "shop") is None
    assert told("kubewright_cost_wasted_rate", "ads", "market") == 1.5
    assert registry.get_sample_value("kubewright_cost_idle_rate", {"currency": "EUR"}) == 2
