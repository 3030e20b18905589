"""What teams spent, by what Prometheus remembers of `kubewright run costs`: the `TeamSpend` that budgets go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubewright.costs.budget import DAY_SECONDS, Day, Spend, known_from, midnight
from kubewright.costs.money import money
from kubewright.series.promql import duration
from kubewright.series.protocol import Expression, MetricSource, Missing, Series, Span, Why
from kubewright.spending.figures import RATE, TOTAL

LOOK_SECONDS = 300
"""A day is added up from looks so far apart."""
_PER_HOUR = 3600 / LOOK_SECONDS
_RATES = f"max by (currency, team, namespace) ({RATE})"


class RecordedTeamSpend:
    """Asks a store; as `TeamSpend` it answers Missing where that does not answer, and raises nothing."""

    def __init__(self, source: MetricSource) -> None:
        self._source = source

    async def spends(self, now: float) -> Mapping[str, Spend] | Missing:
        """Return what each team spent by day since the month began, and in the two weeks before today."""
        today = midnight(now)
        days = Span(known_from(now) + DAY_SECONDS, today, DAY_SECONDS)
        found = await self._asked(DAY_SECONDS, days) if days.end >= days.start else ((), ())
        passed = now - today
        rest = await self._asked(passed, Span(now, now, 1)) if passed >= LOOK_SECONDS else ((), ())
        if isinstance(found, Missing):
            return found
        if isinstance(rest, Missing):
            return rest
        return _spends(found, rest, today, passed)

    async def _asked(self, window: float, span: Span) -> tuple[Sequence[Series], Sequence[Series]] | Missing:
        """Return what windows cost by team, and how many looks there were in each."""
        within = f"[{duration(window)}:{duration(LOOK_SECONDS)}]"
        spent = f"sum by (currency, team) (sum_over_time(({_RATES}){within})) / {_PER_HOUR:g}"
        looks = f"max(count_over_time(max({TOTAL}){within}))"
        answers: list[Sequence[Series]] = []
        for text in (spent, looks):
            found = await self._source.range(Expression(text), span)
            if isinstance(found, Missing):
                if found.why is not Why.NO_DATA:
                    return found
                found = ()
            answers.append(found)
        return answers[0], answers[1]


def _spends(
    found: tuple[Sequence[Series], Sequence[Series]],
    rest: tuple[Sequence[Series], Sequence[Series]],
    today: float,
    passed: float,
) -> dict[str, Spend]:
    covered = {at - DAY_SECONDS: min(looks * LOOK_SECONDS / DAY_SECONDS, 1.0) for at, looks in _points(found[1])}
    for _, looks in _points(rest[1]):
        covered[today] = min(looks * LOOK_SECONDS / passed, 1.0)
    costs: dict[str, dict[float, float]] = {}
    currencies: dict[str, str] = {}
    for series, ends in ((found[0], True), (rest[0], False)):
        for each in series:
            team = each.labels.get("team", "")
            currencies[team] = each.labels.get("currency", "")
            mine = costs.setdefault(team, {})
            for at, cost in each.points:
                day = at - DAY_SECONDS if ends else today
                mine[day] = mine.get(day, 0.0) + cost
    return {
        team: Spend(
            currencies[team],
            tuple(Day(start, money(mine.get(start, 0.0)), share) for start, share in sorted(covered.items())),
        )
        for team, mine in sorted(costs.items())
    }


def _points(series: Sequence[Series]) -> Sequence[tuple[float, float]]:
    return [point for each in series for point in each.points]
