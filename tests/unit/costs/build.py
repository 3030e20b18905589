"""Assets and demands in units that people use."""

from fractions import Fraction

from kubewright.costs.facts import PER_UNIT, Asset, Demand, Owner, Resource, Tariff, asset_key
from kubewright.costs.money import UNIT

NODE = "Node"


def tariff(discount=0, **rates):
    listed = {Resource(name): Fraction(str(rate)) * UNIT for name, rate in rates.items()}
    return Tariff({name: rate * (1 - Fraction(str(discount))) for name, rate in listed.items()}, listed)


def of(resource, amount):
    """Return an amount of unit-hours, as facts count them."""
    return int(Fraction(str(amount)) * PER_UNIT[resource])


def asset(name, rates, kind=NODE, labels=None, **unit_hours):
    amounts = {Resource(each): of(Resource(each), amount) for each, amount in unit_hours.items()}
    return Asset(kind, name, amounts, rates, labels or {})


def demand(owner, node, resource, requested, used=None, kind=NODE):
    resource = Resource(resource)
    use = None if used is None else of(resource, used)
    return Demand(owner, asset_key(kind, node), resource, of(resource, requested), use)


def owner(name="web", namespace="shop", team="shops", **more):
    return Owner(namespace, "Deployment", name, f"{name}-1", "main", team, name, **more)
