"""Prices from a file, from labels and pools, and where nobody says."""

from fractions import Fraction

import pytest

from kubewright.costs.facts import Asset, Resource
from kubewright.costs.money import decimal
from kubewright.costs.prices import Said, at_default_rates, read_prices
from kubewright.errors import OpError
from tests.unit.costs.build import NODE, of

EIGHT = {Resource.CPU: 8000, Resource.MEMORY: 32 << 30, Resource.GPU: 0}
LABELS = {"node.kubernetes.io/instance-type": "m6i.2xlarge", "karpenter.sh/capacity-type": "spot"}


def cost(book, labels, capacity=EIGHT, said=None, **more):
    """Return what an hour of a node costs in all, and who says so."""
    tariff = book.node(labels, capacity, said)
    node = Asset(NODE, "a", {each: amount * 3600 for each, amount in capacity.items()}, tariff)
    return decimal(sum(node.cost(each, **more) for each in capacity), 6), tariff.source


def test_without_a_word_resources_cost_what_opencost_takes():
    assert cost(read_prices(None, "f"), {}) == (decimal(int((8 * 0.031611 + 32 * 0.004237) * 1e18), 6), "default")


def test_default_rates_add_up_as_a_nodes_price_does():
    amounts = {Resource.CPU: 8, Resource.MEMORY: 32, Resource.GPU: 0}
    assert at_default_rates(amounts) == pytest.approx(float(cost(read_prices(None, "f"), {})[0]), abs=1e-6)


def test_a_whole_nodes_price_is_divided_in_proportion_and_is_that_price():
    book = read_prices({"nodes": [{"types": ["m6i.2xlarge"], "hourly": 0.384}]}, "f")
    assert cost(book, LABELS) == ("0.384", "file")
    node = book.node(LABELS, EIGHT)
    ratio = node.net[Resource.CPU] / node.net[Resource.MEMORY]
    assert ratio == Fraction("0.031611") / Fraction("0.004237")


def test_the_first_price_that_matches_a_node_holds():
    spot = {"labels": {"karpenter.sh/capacity-type": "spot"}, "hourly": "0.1", "spot": True}
    book = read_prices({"nodes": [spot, {"types": ["m6i.2xlarge"], "hourly": 1}]}, "f")
    assert cost(book, LABELS) == ("0.1", "file")
    assert book.node(LABELS, EIGHT).spot
    assert cost(book, {"node.kubernetes.io/instance-type": "m6i.2xlarge"}) == ("1", "file")


def test_a_file_is_right_before_a_label_and_a_label_before_the_default():
    said = Said(Fraction("0.5"), "label")
    assert cost(read_prices({}, "f"), LABELS, said=said) == ("0.5", "label")
    dear = read_prices({"nodes": [{"types": ["m6i.2xlarge"], "cpu": 1, "memory": 0}]}, "f")
    assert cost(dear, LABELS, said=said) == ("8", "file")
    less = read_prices({"nodes": [{"types": ["m6i.2xlarge"], "discount": "50%"}]}, "f")
    assert cost(less, LABELS, said=said) == ("0.25", "label")
    assert cost(less, LABELS, said=said, listed=True) == ("0.5", "label")


def test_gpus_have_prices_by_model():
    book = read_prices({"gpus": {"NVIDIA-A30": 2}, "gpu": 1}, "f")
    assert book.node({"nvidia.com/gpu.product": "NVIDIA-A30"}, {}).net[Resource.GPU] == 2 * 10**18
    assert book.node({"nvidia.com/gpu.product": "other"}, {}).net[Resource.GPU] == 10**18


def test_claims_have_prices_by_class():
    book = read_prices({"storage": {"": 0.1, "fast": 0.3}, "discount": "10%"}, "f")
    claims = [
        Asset("PersistentVolumeClaim", "x", {Resource.STORAGE: of(Resource.STORAGE, 10)}, book.storage(each))
        for each in ("fast", "slow")
    ]
    assert [decimal(each.cost(Resource.STORAGE)) for each in claims] == ["2.7", "0.9"]


def test_what_has_no_price_is_not_charged():
    book = read_prices({"loadBalancer": 0.025}, "f")
    assert book.flat(Resource.BALANCER) is not None
    assert book.flat(Resource.NETWORK) is None


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"cpu": -1}, "cpu: is not negative"),
        ({"cpu": "much"}, "cpu: 'much' is no number"),
        ({"nodes": [{"hourly": 1, "cpu": 2}]}, "nodes[0]: say hourly"),
        ({"discount": "110%"}, "discount: '110%' is no share"),
        ({"discount": "0.1"}, "discount: '0.1' is no share"),
        ({"nodes": [{"discount": "a%"}]}, "nodes[0].discount: 'a' is no number"),
        ({"currency": "euro"}, "currency: 'euro' is not a code"),
        ({"shared": {"split": "weights"}}, "shared.weights: split by weights needs one above 0"),
        ({"shared": {"split": "fair"}}, "Invalid enum value 'fair' - at `$.shared.split`"),
        ({"cpus": 1}, "unknown field `cpus`"),
        ([], "Expected `object`"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_at_the_field(document, said):
    with pytest.raises(OpError) as refused:
        read_prices(document, "prices.yaml")
    assert said in str(refused.value)
    assert "prices.yaml" in str(refused.value)
