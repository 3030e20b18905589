"""What a month will come to, and how that stands to a budget. Pure; times are UTC.

For whoever watches budgets (a team's controller, `kubewright cost`): ask a `TeamSpend` once for all teams, give
each team's `Spend` to `forecast`, and its result with the budget to `standing`:

    spends = await team_spend.spends(now)            # by team, or Missing with the reason
    found = forecast(spends["shops"], now)           # a Forecast, or Missing
    where = standing(found, money("5000"))           # its share of the budget, and when that will be used up

A forecast is what was spent since the month began, and for each day to come the mean of the last seven whole days; of
the days of that weekday, once two weeks are known. Days that were not measured are told (`covered`), never taken for 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Protocol

from kubewright.costs.money import Money
from kubewright.series.protocol import Missing, Why

DAY_SECONDS = 86_400
WEEK_DAYS = 7
FORTNIGHT = 14
WELL_COVERED = 0.5
"""A day of which less was measured says nothing of days to come."""


@dataclass(frozen=True, slots=True)
class Day:
    """What one day cost, as far as it was measured."""

    start: float
    """Midnight, in seconds since 1970."""
    spent: Money
    covered: float = 1.0
    """Which share of the day, or of what of it has passed, was measured."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What somebody spent by day, the earliest first; today is the last."""

    currency: str
    days: tuple[Day, ...]


class TeamSpend(Protocol):
    """Where it is known what teams spend. It answers `Missing` and raises nothing."""

    async def spends(self, now: float) -> Mapping[str, Spend] | Missing:
        """Return what each team spent since the month began, and in the two weeks before today."""
        ...


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a month comes to."""

    currency: str
    spent: Money
    """Since the month began, as far as it was measured."""
    expected: Money
    """Of the whole month."""
    covered: float
    """Which share of the month until now was measured: what is missing is in neither sum."""
    basis: str
    """What days to come are taken to be like."""
    ahead: tuple[tuple[float, float, Money], ...]
    """From when to when, and what that will cost: the rest of today, and each day until the month ends."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A forecast beside a budget."""

    expected_share: float
    """1 is the whole budget."""
    used_up_at: float | None
    """When the budget will be spent, in seconds since 1970; None if it lasts for the month."""


def forecast(spend: Spend, now: float) -> Forecast | Missing:
    """Return what the month of `now` will come to; Missing if nothing says what a day costs."""
    first, after = month_of(now)
    today = midnight(now)
    mine = [day for day in spend.days if first <= day.start <= today]
    known = [day for day in spend.days if day.start < today and day.covered >= WELL_COVERED]
    rates, basis = _rates(known, [day for day in mine if day.start == today], now)
    if not rates:
        return Missing(Why.NO_DATA, "no day is known of which half was measured")
    ahead: list[tuple[float, float, Money]] = []
    at = now
    while at < after:
        until = min(midnight(at) + DAY_SECONDS, after)
        rate = rates[_weekday(at) % len(rates)]
        ahead.append((at, until, math.floor(rate * Fraction(until - at) / DAY_SECONDS)))
        at = until
    spent = sum(day.spent for day in mine)
    expected = spent + sum(cost for _, _, cost in ahead)
    return Forecast(spend.currency, spent, expected, _covered(mine, first, now), basis, tuple(ahead))


def standing(found: Forecast, budget: Money) -> Standing:
    """Return how a forecast stands to a budget, which is more than 0."""
    left, used_up = budget - found.spent, None
    if left <= 0 < found.spent:
        used_up = found.ahead[0][0] if found.ahead else None
    else:
        for begin, end, cost in found.ahead:
            if cost >= left > 0:
                used_up = begin + (end - begin) * (left / cost)
                break
            left -= cost
    return Standing(found.expected / budget, used_up)


def midnight(at: float) -> float:
    """Return when the day of a moment began."""
    return at - at % DAY_SECONDS


def known_from(now: float) -> float:
    """Return from when on a forecast asks what was spent: the month's first day, or two weeks before today."""
    return min(month_of(now)[0], midnight(now) - FORTNIGHT * DAY_SECONDS)


def month_of(now: float) -> tuple[float, float]:
    """Return when the month of a moment begins, and when the next one does."""
    date = datetime.fromtimestamp(now, UTC)
    first = datetime(date.year, date.month, 1, tzinfo=UTC)
    following = datetime(date.year + date.month // 12, date.month % 12 + 1, 1, tzinfo=UTC)
    return first.timestamp(), following.timestamp()


def _rates(known: Sequence[Day], today: Sequence[Day], now: float) -> tuple[list[Fraction], str]:
    """Return what a day costs, or each day of the week from Monday on, and what that is taken from."""
    weeks = [[_whole(day) for day in known[-2 * FORTNIGHT :] if _weekday(day.start) == at] for at in range(WEEK_DAYS)]
    if len(known) >= FORTNIGHT and all(weeks):
        return [_mean(each) for each in weeks], "each day of the week as before"
    if known:
        last = known[-WEEK_DAYS:]
        return [_mean([_whole(day) for day in last])], f"the last {_days(len(last))}"
    passed = now % DAY_SECONDS
    if today and passed and today[0].covered > 0:
        return [_whole(today[0]) * Fraction(DAY_SECONDS) / Fraction(passed)], "today alone"
    return [], ""


def _days(count: int) -> str:
    return "whole day" if count == 1 else f"{count} whole days"


def _whole(day: Day) -> Fraction:
    """Return what a day would have cost, measured from end to end."""
    return Fraction(day.spent) / Fraction(day.covered)


def _mean(amounts: Sequence[Fraction]) -> Fraction:
    return sum(amounts, Fraction(0)) / len(amounts)


def _covered(days: Sequence[Day], first: float, now: float) -> float:
    passed = now - first
    if passed <= 0:
        return 1.0
    seconds = sum(min(DAY_SECONDS, max(now - day.start, 0.0)) * min(day.covered, 1.0) for day in days)
    return min(seconds / passed, 1.0)


def _weekday(at: float) -> int:
    return datetime.fromtimestamp(at, UTC).weekday()
