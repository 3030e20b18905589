"""Who pays what: rows of a report."""

import pytest

from kubewright.costs.allocate import allocate
from kubewright.costs.groups import rows
from kubewright.costs.ledger import Ledger
from kubewright.costs.money import decimal
from kubewright.costs.prices import read_prices
from tests.unit.costs.build import asset, demand, owner, tariff

RATES = tariff(cpu="1", gpu="10")
SHOP, ADS = owner("web"), owner("ads", "market", "ads", labels=(("tier", "gold"),))
SYSTEM = owner("dns", "kube-system", "platform")


def ledger(assets, demands):
    found = Ledger(0, 3600)
    charges, _ = allocate(assets, demands)
    found.take(assets, charges)
    return found


@pytest.fixture
def lines():
    """Two nodes of ten cores: on `a` are 4 of one team and 2 of another, on `b` 1 of the system; `b` has two GPUs."""
    labels = {"nvidia.com/gpu.product": "NVIDIA-A30"}
    assets = [asset("a", RATES, cpu=10), asset("b", RATES, labels=labels, cpu=10, gpu=2)]
    assets.append(asset("cluster", tariff(fee=6), kind="Cluster", fee=1))
    wanted = [
        demand(SHOP, "a", "cpu", 4, used=1),
        demand(ADS, "a", "cpu", 2),
        demand(SYSTEM, "b", "cpu", 1, used=1),
        demand(ADS, "b", "gpu", 1, used="0.25"),
    ]
    return ledger(assets, wanted).lines


def told(found):
    return {row.name: decimal(row.total) for row in found}


def test_by_team_with_idle_and_overhead_by_themselves(lines):
    found = rows(lines, "team")
    assert told(found) == {"ads": "12", "shops": "4", "platform": "1", "__idle__": "23", "__overhead__": "6"}
    ads, shops, *_ = found
    assert (decimal(ads.wasted), decimal(ads.gpu_wasted), decimal(ads.unmeasured)) == ("7.5", "7.5", "2")
    assert (decimal(shops.wasted), decimal(shops.gpu_wasted)) == ("3", "0")


def test_idle_is_paid_by_those_on_the_node(lines):
    found = told(rows(lines, "team", "share"))
    # Of node a four are idle, paid 4 to 2; of b nine cores by the system, and a GPU by who has the other.
    assert found["__overhead__"] == "6"
    assert float(found["shops"]) == pytest.approx(4 + 4 * 4 / 6)
    assert float(found["ads"]) == pytest.approx(12 + 4 * 2 / 6 + 10)
    assert found["platform"] == "10"


def test_idle_of_the_cluster_is_paid_by_everybody_for_the_same_resource(lines):
    found = told(rows(lines, "team", "share-cluster"))
    assert float(found["shops"]) == pytest.approx(4 + 13 * 4 / 7)
    assert float(found["platform"]) == pytest.approx(1 + 13 / 7)


def test_idle_of_an_empty_node_is_paid_by_those_who_pay_for_the_resource():
    assets = [asset("a", RATES, cpu=1), asset("b", RATES, cpu=5)]
    assert told(rows(ledger(assets, [demand(SHOP, "a", "cpu", 1)]).lines, "team", "share")) == {"shops": "6"}


@pytest.mark.parametrize("rule", ["share", "share-cluster"])
def test_idle_of_many_nodes_is_shared_out_to_the_last_part(rule):
    nodes = [asset(f"n{number}", tariff(cpu="0.1", gpu="0.7"), cpu=7, gpu=number % 2) for number in range(9)]
    wanted = [demand(owner(f"p{number}"), f"n{number % 3}", "cpu", "0.7") for number in range(11)]
    found = ledger(nodes, wanted)
    totals = {row.name: row.total for row in rows(found.lines, "pod", rule)}
    assert len(totals) == 11
    assert sum(totals.values()) == found.cost


def test_an_empty_cluster_pays_for_itself():
    assert told(rows(ledger([asset("a", RATES, cpu=3)], []).lines, "team", "share")) == {"__idle__": "3"}


@pytest.mark.parametrize(
    ("shared", "shops", "ads"),
    [
        ({"split": "even"}, "7.5", "15.5"),
        ({"split": "proportional"}, "5.75", "17.25"),
        ({"split": "weights", "weights": {"shops": 3, "ads": "0.5"}}, "10", "13"),
        ({"split": "weights", "weights": {"nobody": 1}}, "4", "12"),
    ],
)
def test_what_everybody_shares_is_split(lines, shared, shops, ads):
    book = read_prices({"shared": {"namespaces": ["kube-system"], "overhead": True, **shared}}, "f")
    found = told(rows(lines, "team", "show", book))
    assert (found["shops"], found["ads"]) == (shops, ads)
    left = found.get("__overhead__", "0")
    assert float(shops) + float(ads) + float(left) == 4 + 12 + 7


def test_a_nodes_row_is_what_the_node_costs(lines):
    assert told(rows(lines, "node")) == {"b": "30", "a": "10", "__overhead__": "6"}


@pytest.mark.parametrize(
    ("by", "name", "total"),
    [
        ("namespace", "market", "12"),
        ("app", "shop/web", "4"),
        ("controller", "market/deployment/ads", "12"),
        ("pod", "kube-system/dns-1", "1"),
        ("gpu", "NVIDIA-A30", "10"),
        ("label:tier", "gold", "12"),
        ("label:tier", "__none__", "5"),
    ],
)
def test_by_anything_else(lines, by, name, total):
    assert told(rows(lines, by))[name] == total


@pytest.mark.parametrize("by", ["teams", "label:", ""])
def test_what_cannot_be_summed_by_is_said(lines, by):
    with pytest.raises(ValueError, match="is none of team, app, namespace"):
        rows(lines, by)
