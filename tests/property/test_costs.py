"""Nothing is charged twice or lost, whoever asks for what: to equality."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kubewright.costs.allocate import allocate
from kubewright.costs.facts import OF_NODES, Asset, Demand, Owner, Tariff, asset_key
from kubewright.costs.money import split
from tests.unit.costs.build import NODE

amounts = st.integers(0, 10**15)
rates = st.fractions(0, 10**18, max_denominator=10**12)
teams = st.sampled_from(["shops", "ads", "platform"])


@st.composite
def clusters(draw):
    """Draw nodes with rates of any precision, and demands, some on nodes that nobody tells of."""
    assets = []
    for name in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        listed = {each: draw(rates) for each in OF_NODES}
        part = draw(st.fractions(0, 1, max_denominator=1000))
        tariff = Tariff({each: rate * part for each, rate in listed.items()}, listed)
        assets.append(Asset(NODE, name, {each: draw(amounts) for each in OF_NODES}, tariff))
    return assets, draw(demands())


@st.composite
def demands(draw):
    found = []
    for number in range(draw(st.integers(0, 8))):
        whose = Owner(draw(st.sampled_from(["x", "y"])), pod=f"p{number}", team=draw(teams))
        where = asset_key(NODE, draw(st.sampled_from(["a", "b", "c"])))
        found.append(Demand(whose, where, draw(st.sampled_from(OF_NODES)), draw(amounts), draw(st.none() | amounts)))
    return found


def cost_of(assets, **how):
    return sum(asset.cost(each, **how) for asset in assets for each in OF_NODES)


@given(clusters())
def test_what_is_charged_and_idle_is_what_there_is_to_pay(cluster):
    assets, wanted = cluster
    charges, unknown = allocate(assets, wanted)
    assert sum(each.cost for each in charges) == cost_of(assets)
    assert sum(each.listed for each in charges) == cost_of(assets, listed=True)
    assert all(each.cost >= 0 and each.wasted <= each.cost for each in charges)
    named = {asset_key(each.kind, each.name) for each in assets if any(each.amounts.values())}
    assert all(each.asset not in named or not assets_have(assets, each) for each in unknown)


def assets_have(assets, demand):
    return any(asset_key(each.kind, each.name) == demand.asset and each.amounts.get(demand.resource) for each in assets)


@given(clusters(), st.integers(0, 10**12))
def test_who_uses_more_never_pays_less_and_nobody_else_pays_more(cluster, more):
    assets, wanted = cluster
    if not wanted:
        return
    first, *others = wanted
    grown = Demand(first.owner, first.asset, first.resource, first.requested + more, first.used)
    before, after = (
        {(each.owner.pod, each.kind): each.cost for each in allocate(assets, chosen)[0]}
        for chosen in (wanted, [grown, *others])
    )
    for key, cost in after.items():
        if key[0] == first.owner.pod:
            assert cost >= before.get(key, 0)
        elif key[0]:
            assert cost <= before[key]


@given(st.integers(0, 10**30), st.lists(st.integers(0, 10**20), min_size=1, max_size=9).filter(any))
def test_parts_are_the_whole(whole, weights):
    parts = split(whole, weights)
    assert sum(parts) == whole
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(whole * weight, sum(weights))) < 1
