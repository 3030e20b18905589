"""What a team uses beside what it requests and may have, and what its days cost beside its budget. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from kubewright.api.core import Pod
from kubewright.api.crds.team import Team
from kubewright.api.quantity import approximate, milli, parse_quantity, value
from kubewright.api.resources import CPU, MEMORY, pod_request
from kubewright.costs.budget import Spend, forecast, standing
from kubewright.costs.money import UNIT, money
from kubewright.series.protocol import Missing, Signal, Vector

MEASURED: Mapping[str, Signal] = {CPU: Signal.CPU, MEMORY: Signal.MEMORY}
_MILLI = 1000


class UseShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A resource, in thousandths of a core or bytes; what is not known is left out."""

    resource: str
    requested: int = 0
    used: int | None = None
    quota: int | None = None


class DayShown(msgspec.Struct, frozen=True):
    """What a day cost, in the currency's units, as far as it was measured (0 to 1)."""

    at: float
    spent: float
    covered: float


class MoneyShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A month's cost."""

    currency: str
    days: tuple[DayShown, ...]
    budget: float | None = None
    """Of a month."""
    spent: float | None = None
    expected: float | None = None
    basis: str = ""
    used_up: float | None = None


class TeamFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """A team's use and cost."""

    use: tuple[UseShown, ...]
    cost: MoneyShown | None = None
    missing_use: str = ""
    missing_cost: str = ""


def use_of(
    team: Team, pods: Iterable[Pod], told: Mapping[str, Collection[Vector | Missing]]
) -> tuple[tuple[UseShown, ...], str]:
    """Return what a team's pods request and use by resource, and why use is not known, if it is not."""
    mine = frozenset(team.status.namespaces)
    requested = dict.fromkeys(MEASURED, 0)
    for pod in pods:
        if pod.metadata.namespace in mine and pod.spec.node_name and not pod.is_finished:
            amounts = pod_request(pod)
            for name in requested:
                requested[name] += amounts.get(name, 0)
    missing = next((str(each) for each in _flat(told) if isinstance(each, Missing)), "")
    quota = {name: _quota(team, name) for name in MEASURED}
    rows = tuple(
        UseShown(name, requested[name], _used(name, told.get(name, ()), mine), quota[name]) for name in MEASURED
    )
    return rows, missing if all(row.used is None for row in rows) else ""


def money_of(team: Team, spend: Spend, now: float) -> MoneyShown:
    """Return what a team's days cost, and what the month will come to."""
    budget = team.spec.budget
    days = tuple(DayShown(day.start, day.spent / UNIT, day.covered) for day in spend.days)
    month = forecast(spend, now)
    allowed = approximate(budget.month) if budget is not None else None
    if isinstance(month, Missing):
        return MoneyShown(spend.currency, days, allowed, basis=str(month))
    used_up = None
    if budget is not None and allowed:
        used_up = standing(month, money(parse_quantity(budget.month))).used_up_at
    return MoneyShown(
        spend.currency, days, allowed, month.spent / UNIT, month.expected / UNIT, month.basis, used_up=used_up
    )


def _used(name: str, vectors: Collection[Vector | Missing], namespaces: Collection[str]) -> int | None:
    values = [
        sample.value
        for vector in vectors
        if not isinstance(vector, Missing)
        for sample in vector.samples
        if sample.pod.namespace in namespaces
    ]
    return round(sum(values) * (_MILLI if name == CPU else 1)) if values else None


def _quota(team: Team, name: str) -> int | None:
    amount = team.spec.quota.get(name, team.spec.quota.get(f"requests.{name}"))
    if amount is None:
        return None
    return milli(amount) if name == CPU else value(amount)


def _flat(told: Mapping[str, Collection[Vector | Missing]]) -> Iterator[Vector | Missing]:
    for vectors in told.values():
        yield from vectors
