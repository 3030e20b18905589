"""Nothing is charged twice or lost, whoever asks for what: to equality."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kubewright.costs.allocate import allocate
from kubewright.costs.facts import OF_NODES, Asset, Demand, Owner, Resource, Tariff, asset_key
from kubewright.costs.groups import BY, rows
from kubewright.costs.ledger import Ledger
from kubewright.costs.money import split
from kubewright.costs.prices import read_prices
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


@st.composite
def shares(draw):
    split_by = draw(st.sampled_from(["even", "proportional", "weights"]))
    weights = {team: draw(st.integers(0, 5)) for team in ("shops", "ads")} | {"somebody": 1}
    common = {"namespaces": draw(st.sampled_from([[], ["x"], ["x", "y"]])), "overhead": draw(st.booleans())}
    return read_prices({"shared": {**common, "split": split_by, "weights": weights}}, "drawn")


FEE = Asset("Cluster", "cluster", {Resource.FEE: 3600}, Tariff({Resource.FEE: Fraction(7)}, {}))


def ledger_of(*hours):
    ledger = Ledger(0, 3600 * len(hours))
    for assets, wanted in hours:
        ledger.take([*assets, FEE], allocate([*assets, FEE], wanted)[0])
    return ledger


@given(clusters(), clusters(), shares(), st.sampled_from(BY), st.sampled_from(["show", "share", "share-cluster"]))
def test_rows_are_what_there_is_to_pay_however_it_is_summed_and_shared(one, other, book, by, idle):
    ledger = ledger_of(one, other)
    assert ledger.cost == sum(each.cost for each in ledger.lines)
    assert ledger.listed == sum(each.listed for each in ledger.lines)
    found = rows(ledger.lines, by, idle, book)
    assert sum(row.total for row in found) == ledger.cost
    assert all(row.total >= 0 for row in found)


@given(clusters(), clusters(), st.sampled_from(BY))
def test_summing_up_commutes_with_adding_hours_and_with_finer_sums(one, other, by):
    both, first, second = (
        {row.name: row.total for row in rows(ledger_of(*hours).lines, by)} for hours in ((one, other), (one,), (other,))
    )
    assert both == {name: first.get(name, 0) + second.get(name, 0) for name in {*first, *second}}
    by_pod = rows(ledger_of(one).lines, "pod")
    for row in rows(ledger_of(one).lines, "namespace"):
        if row.is_somebody:
            assert row.total == sum(each.total for each in by_pod if each.name.startswith(f"{row.name}/"))
