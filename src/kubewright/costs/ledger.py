"""What everybody was charged, added up over time: one ledger for each step of a report. Pure but for its own sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kubewright.costs.allocate import Charge, Kind
from kubewright.costs.facts import OF_NODES, Asset, Owner, Resource
from kubewright.costs.money import Money


@dataclass(slots=True)
class Line:
    """One owner, one asset, one resource."""

    kind: Kind
    owner: Owner
    asset: Asset
    """As it last was: its amounts are of the last charge alone."""
    resource: Resource
    amount: int = 0
    requested: int = 0
    used: int = 0
    cost: Money = 0
    listed: Money = 0
    wasted: Money = 0
    """Of the cost, what was requested and not used, as far as use was measured."""
    unmeasured: Money = 0
    """Of the cost, what was charged by requests alone since nobody measured use."""

    @property
    def origin(self) -> tuple[str, str, Resource]:
        """Return what it is a part of: one resource of one asset."""
        return self.asset.kind, self.asset.name, self.resource


@dataclass(slots=True)
class Ledger:
    """A time from when to when, and what it cost."""

    start: float
    end: float
    cost: Money = 0
    """Of all assets: what the lines come to, whoever they are about."""
    listed: Money = 0
    _lines: dict[tuple[Kind, Owner, str, str, Resource], Line] = field(
        default_factory=dict[tuple[Kind, Owner, str, str, Resource], Line]
    )

    @property
    def lines(self) -> Sequence[Line]:
        """Return what was charged, in the order in which it first was."""
        return tuple(self._lines.values())

    def take(self, assets: Iterable[Asset], charges: Iterable[Charge]) -> None:
        """Add what assets cost, and to whom `allocate` charged it."""
        for asset in assets:
            self.cost += sum(asset.cost(each) for each in asset.amounts)
            self.listed += sum(asset.cost(each, listed=True) for each in asset.amounts)
        for each in charges:
            self._add(each)

    def _add(self, charge: Charge) -> None:
        key = (charge.kind, charge.owner, charge.asset.kind, charge.asset.name, charge.resource)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(charge.kind, charge.owner, charge.asset, charge.resource)
        line.asset = charge.asset
        line.amount += charge.amount
        line.requested += charge.requested
        line.cost += charge.cost
        line.listed += charge.listed
        line.wasted += charge.wasted
        if charge.used is not None:
            line.used += charge.used
        elif charge.kind is Kind.WORKLOAD and charge.resource in OF_NODES:
            line.unmeasured += charge.cost
