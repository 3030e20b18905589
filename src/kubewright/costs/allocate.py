"""Charges what assets cost to those who asked for them or used them. Pure.

As OpenCost's specification has it: what a container is charged is the larger of what it requested and what it used,
times the rate; what is left of an asset is idle. Where all together come to more than there is (containers that burst
beyond their requests), they share its cost in proportion, so that no more is charged than it costs. What cannot be
divided, less than a billionth of a billionth a container, is idle as well: charges and idle are the cost, exactly.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubewright.costs.facts import Asset, Demand, Owner, Resource, asset_key
from kubewright.costs.money import Money


class Kind(enum.Enum):
    """Why something is charged."""

    WORKLOAD = "workload"
    IDLE = "idle"
    OVERHEAD = "overhead"


NOBODY = Owner("")


@dataclass(frozen=True, slots=True)
class Charge:
    """What one owner is charged for one resource of one asset."""

    kind: Kind
    owner: Owner
    asset: Asset
    resource: Resource
    amount: int
    """What is charged for, times seconds."""
    cost: Money
    listed: Money
    """The same before discounts."""
    requested: int = 0
    used: int | None = None

    @property
    def wasted(self) -> Money:
        """Return what of the cost is for what was requested and not used, as far as use was measured."""
        if self.used is None or self.used >= self.amount:
            return 0
        return self.cost * (self.amount - self.used) // self.amount


def allocate(assets: Sequence[Asset], demands: Iterable[Demand]) -> tuple[list[Charge], list[Demand]]:
    """Return the charges, and those demands whose asset is not among the assets: what these cost is not known."""
    by_asset: dict[tuple[str, Resource], list[Demand]] = {}
    for each in demands:
        if each.amount > 0:
            by_asset.setdefault((each.asset, each.resource), []).append(each)
    charges: list[Charge] = []
    for asset in assets:
        key = asset_key(asset.kind, asset.name)
        for resource, there in asset.amounts.items():
            if there > 0:
                charges.extend(_shared_out(asset, resource, by_asset.pop((key, resource), ())))
    return charges, [each for left in by_asset.values() for each in left]


def _shared_out(asset: Asset, resource: Resource, demands: Sequence[Demand]) -> Iterator[Charge]:
    cost, listed = asset.cost(resource), asset.cost(resource, listed=True)
    there = asset.amounts[resource]
    whole = max(there, sum(each.amount for each in demands))
    left, left_listed, left_amount = cost, listed, there
    for each in demands:
        mine, mine_listed = cost * each.amount // whole, listed * each.amount // whole
        left, left_listed, left_amount = left - mine, left_listed - mine_listed, left_amount - each.amount
        yield Charge(
            Kind.WORKLOAD, each.owner, asset, resource, each.amount, mine, mine_listed, each.requested, each.used
        )
    kind = Kind.OVERHEAD if resource is Resource.FEE else Kind.IDLE
    if left or left_listed:
        yield Charge(kind, NOBODY, asset, resource, max(left_amount, 0), left, left_listed)
