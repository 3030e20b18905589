"""What teams spent, by what a store remembers."""

import asyncio
from datetime import UTC, datetime

from kubewright.costs.budget import forecast
from kubewright.costs.money import UNIT
from kubewright.series.protocol import Missing, Why
from kubewright.spending.teams import RecordedTeamSpend
from tests.unit.spending.build import Store, series

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC).timestamp()
TODAY = NOW - 43_200
ENDS = (TODAY - 86_400, TODAY)
LABELS = {"team": "shops", "currency": "EUR"}


def spends(**answers):
    return asyncio.run(RecordedTeamSpend(Store(**answers)).spends(NOW))


def answers(**more):
    return {
        "sum_over_time(": [series(24, *ENDS, **LABELS), series(10, NOW, **LABELS)],
        "count_over_time(": [series(288, ENDS[0]), series(144, ENDS[1], NOW)],
        **more,
    }


def test_days_and_today_are_put_together_with_how_much_is_known_of_them():
    found = spends(**answers())["shops"]
    assert found.currency == "EUR"
    assert [(day.start, day.spent // UNIT, day.covered) for day in found.days] == [
        (TODAY - 2 * 86_400, 24, 1.0),
        (TODAY - 86_400, 24, 0.5),
        (TODAY, 10, 1.0),
    ]
    month = forecast(found, NOW)
    # A day costs 24, or 48 where half was seen: 36. Half of today is left, and 27 days.
    assert month.expected == (24 + 24 + 10 + 18 + 27 * 36) * UNIT


def test_a_team_that_came_later_spent_nothing_before():
    late = {"sum_over_time(": [series(24, ENDS[1], team="ads", currency="EUR")]}
    assert [day.spent // UNIT for day in spends(**answers(**late))["ads"].days] == [0, 24, 0]


def test_nobody_is_known_where_nothing_is_remembered():
    assert spends() == {}


def test_a_store_that_does_not_answer_is_missing():
    found = spends(**answers(**{"count_over_time(": Missing(Why.UNAVAILABLE, "away")}))
    assert isinstance(found, Missing)
    assert found.why is Why.UNAVAILABLE
