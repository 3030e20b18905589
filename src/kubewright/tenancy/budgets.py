"""How teams' budgets fare: asked once for all teams, every five minutes, of whoever knows what they spend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from kubewright.api.crds.team import BudgetStatus, Team
from kubewright.api.meta import rfc3339
from kubewright.api.quantity import parse_quantity
from kubewright.clock import Clock
from kubewright.costs.budget import Spend, TeamSpend, forecast, standing
from kubewright.costs.money import fixed, money
from kubewright.runtime.rounds import surviving
from kubewright.series.protocol import Missing

ROUND_SECONDS = 300.0
_CENTS = 2


class Budgets:
    """What teams spent, as far as that is known."""

    def __init__(self, source: TeamSpend | None, clock: Clock, on_news: Callable[[], None]) -> None:
        self._source = source
        self._clock = clock
        self._on_news = on_news
        self._spends: Mapping[str, Spend] = {}

    def of(self, team: Team) -> BudgetStatus | None:
        """Return how a team's budget fares; None where nobody knows, or there is none."""
        spend, budget = self._spends.get(team.name), team.spec.budget
        if spend is None or budget is None:
            return None
        found = forecast(spend, self._clock.now())
        if isinstance(found, Missing):
            return None
        where = standing(found, money(parse_quantity(budget.month)))
        return BudgetStatus(
            fixed(found.spent, _CENTS),
            fixed(found.expected, _CENTS),
            found.currency,
            rfc3339(where.used_up_at)[:10] if where.used_up_at is not None else "",
        )

    async def run(self) -> None:
        """Ask until cancelled."""
        while self._source is not None:
            with surviving("teams' spend"):
                found = await self._source.spends(self._clock.now())
                if not isinstance(found, Missing):
                    self._spends = found
                    self._on_news()
            await asyncio.sleep(ROUND_SECONDS)
