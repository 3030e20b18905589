"""OpenCost's allocation, by figures worked out by hand after its specification."""

import pytest

from kubewright.costs.allocate import Kind, allocate
from kubewright.costs.facts import Resource
from kubewright.costs.money import decimal
from tests.unit.costs.build import asset, demand, of, owner, tariff

RATES = tariff(cpu="0.03", memory="0.004", gpu="0.95")


def charged(assets, demands):
    charges, unknown = allocate(assets, demands)
    assert unknown == []
    return {(each.kind.value, each.owner.pod, each.resource.value): decimal(each.cost) for each in charges}


def test_an_asset_costs_its_amount_times_its_hours_times_its_rate():
    # The specification's own attributes: 2 cores, 24 hours, 0.2 an hour.
    node = asset("a", tariff(cpu="0.2"), cpu=2 * 24)
    assert decimal(node.cost(Resource.CPU)) == "9.6"


def test_the_larger_of_request_and_use_is_charged_and_the_rest_is_idle():
    node = asset("a", RATES, cpu=4 * 24, memory=16 * 24)
    found = charged(
        [node],
        [
            demand(owner("asks"), "a", "cpu", 1 * 24, used="2.4"),
            demand(owner("bursts"), "a", "cpu", "0.5", used=1 * 24),
            demand(owner("asks"), "a", "memory", 4 * 24, used=1 * 24),
        ],
    )
    assert found == {
        ("workload", "asks-1", "cpu"): "0.72",
        ("workload", "bursts-1", "cpu"): "0.72",
        ("idle", "", "cpu"): "1.44",
        ("workload", "asks-1", "memory"): "0.384",
        ("idle", "", "memory"): "1.152",
    }


def test_what_comes_to_more_than_there_is_shares_the_cost_in_proportion():
    node = asset("a", RATES, cpu=2)
    found = charged(
        [node],
        [demand(owner("one"), "a", "cpu", 1, used=3), demand(owner("two"), "a", "cpu", 1, used="0.5")],
    )
    assert found == {("workload", "one-1", "cpu"): "0.045", ("workload", "two-1", "cpu"): "0.015"}


def test_a_slice_of_a_gpu_costs_its_part_of_one():
    node = asset("a", RATES, gpu=1)
    found = charged([node], [demand(owner("slice"), "a", "gpu", "0.125", used="0.05")])
    assert found == {("workload", "slice-1", "gpu"): "0.11875", ("idle", "", "gpu"): "0.83125"}


def test_a_discount_is_told_apart_from_the_list_price():
    node = asset("a", tariff(discount="0.25", cpu="0.04"), cpu=10)
    charges, _ = allocate([node], [demand(owner(), "a", "cpu", 5)])
    assert [(decimal(each.cost), decimal(each.listed)) for each in charges] == [("0.15", "0.2"), ("0.15", "0.2")]


def test_a_fee_that_nobody_asks_for_is_overhead():
    charges, _ = allocate([asset("cluster", tariff(fee="0.1"), kind="Cluster", fee=24)], [])
    assert [(each.kind, decimal(each.cost)) for each in charges] == [(Kind.OVERHEAD, "2.4")]


def test_demands_on_what_nobody_tells_of_are_handed_back():
    lost = demand(owner(), "gone", "cpu", 1)
    assert allocate([asset("a", RATES, cpu=1)], [lost])[1] == [lost]
    without = demand(owner(), "a", "gpu", 1)
    assert allocate([asset("a", RATES, cpu=1)], [without])[1] == [without]


@pytest.mark.parametrize(("used", "wasted"), [(1, "0.09"), (4, "0"), (9, "0"), (None, "0")])
def test_what_is_requested_and_not_used_is_wasted_as_far_as_use_is_known(used, wasted):
    charges, _ = allocate([asset("a", RATES, cpu=20)], [demand(owner(), "a", "cpu", 4, used=used)])
    assert decimal(charges[0].wasted) == wasted
    assert charges[0].requested == of(Resource.CPU, 4)
