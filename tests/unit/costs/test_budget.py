"""What a month comes to."""

from datetime import UTC, datetime

import pytest

from kubewright.costs.budget import Day, Spend, forecast, month_of, standing
from kubewright.costs.money import UNIT, money
from kubewright.series.protocol import Missing


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def days(first, *spent, covered=1.0):
    return tuple(Day(at(first) + number * 86_400, money(each), covered) for number, each in enumerate(spent))


def found(now, *known):
    return forecast(Spend("USD", known), at(now))


def test_days_to_come_are_like_the_last_seven():
    # The first nine days of a month of thirty; it is noon of the tenth, and five were spent today.
    known = days("2026-11-01", 1, 1, 10, 10, 10, 10, 10, 10, 10, 5)
    month = found("2026-11-10T12:00", *known)
    assert month.spent == 77 * UNIT
    assert month.expected == (77 + 5 + 20 * 10) * UNIT
    assert month.basis == "the last 7 whole days"
    assert (month.covered, month.currency) == (1.0, "USD")


def test_with_two_weeks_known_each_day_of_the_week_is_like_itself():
    # Two weeks from a Monday on: 7 on working days, 1 at weekends.
    week = (7, 7, 7, 7, 7, 1, 1)
    month = found("2026-11-16", *days("2026-11-02", *week, *week))
    rest = 2 * sum(week) + 7  # until Monday the 30th
    assert month.expected == (2 * sum(week) + rest) * UNIT
    assert month.basis == "each day of the week as before"


def test_what_was_not_measured_is_told_and_not_taken_for_nothing():
    known = (*days("2026-11-01", 4, covered=0.5), *days("2026-11-02", 1, covered=0.1), *days("2026-11-05", 0))
    month = found("2026-11-05", *known)
    assert month.spent == 5 * UNIT
    assert month.covered == pytest.approx(0.6 / 4)
    assert month.basis == "the last whole day"
    assert month.expected == (5 + 26 * 8) * UNIT


def test_on_the_first_day_that_day_alone_speaks():
    month = found("2026-11-01T06:00", *days("2026-11-01", 6))
    assert (month.basis, month.expected) == ("today alone", 30 * 24 * UNIT)


def test_nothing_known_is_missing_not_free():
    assert isinstance(found("2026-11-10"), Missing)
    assert isinstance(found("2026-11-10", *days("2026-11-01", 3, covered=0.2)), Missing)


def test_a_budget_that_will_not_do_says_when_it_is_used_up():
    month = found("2026-11-11", *days("2026-11-01", *(10,) * 10))
    assert (month.spent, month.expected) == (100 * UNIT, 300 * UNIT)
    where = standing(month, money(150))
    assert where.expected_share == pytest.approx(2)
    assert where.used_up_at == pytest.approx(at("2026-11-16"))
    assert standing(month, money(300)).used_up_at == pytest.approx(at("2026-12-01"))
    assert standing(month, money(400)).used_up_at is None
    assert standing(month, money(50)).used_up_at == at("2026-11-11")


@pytest.mark.parametrize(
    ("now", "first", "after"),
    [("2026-12-31T23:59", "2026-12-01", "2027-01-01"), ("2028-02-29", "2028-02-01", "2028-03-01")],
)
def test_months_are_the_calendars(now, first, after):
    assert month_of(at(now)) == (at(first), at(after))
