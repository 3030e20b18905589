"""Teams: what each is given, what its budget says, and whether something holds it up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kubewright.api.conditions import READY
from kubewright.api.crds.team import WITHIN_BUDGET, WITHIN_QUOTA, Team
from kubewright.dashboard.tables import Row


class TeamRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A team as the screen shows it."""

    id: str
    parent: str = ""
    path: str = ""
    members: int = 0
    namespaces: tuple[str, ...] = ()
    quota: Mapping[str, str] = {}
    budget: str = ""
    spent: str = ""
    forecast: str = ""
    currency: str = ""
    used_up: str = ""
    over: bool = False
    """Whether the month will come to more than the budget."""
    on_call: str = ""
    ready: bool = False
    problems: tuple[str, ...] = ()
    let_in: tuple[str, ...] = ()
    """Who may act in it for a while."""


def rows(teams: Iterable[Team]) -> Iterator[Row]:
    """Yield every team."""
    for team in teams:
        spec, status = team.spec, team.status
        fares = status.budget
        conditions = {each.type: each for each in status.conditions}
        bad = [conditions[name] for name in (READY, WITHIN_QUOTA, WITHIN_BUDGET) if name in conditions]
        shown = TeamRow(
            id=team.metadata.name,
            parent=spec.parent,
            path=status.path,
            members=status.members,
            namespaces=status.namespaces,
            quota={name: str(amount) for name, amount in spec.quota.items()},
            budget="" if spec.budget is None else str(spec.budget.month),
            spent="" if fares is None else fares.spent,
            forecast="" if fares is None else fares.forecast,
            currency="" if fares is None else fares.currency,
            used_up="" if fares is None else fares.used_up_at,
            over=WITHIN_BUDGET in conditions and conditions[WITHIN_BUDGET].status == "False",
            on_call=status.on_call,
            ready=READY in conditions and conditions[READY].status == "True",
            problems=tuple(f"{each.reason}: {each.message}" for each in bad if each.status == "False"),
            let_in=tuple(f"{each.user} until {each.until}: {each.reason}" for each in status.break_glass),
        )
        yield Row(shown.id, "", shown)
