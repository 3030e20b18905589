"""Who may act in a team's namespaces for a while: whether it holds now, and when that changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.crds.team import BreakGlass, Team
from kubewright.api.meta import parse_time
from kubewright.tenancy.family import Problem

LONGEST_SECONDS = 86_400.0


def active(team: Team, now: float) -> list[BreakGlass]:
    """Return those that hold now."""
    return [each for each in _bounded(team) if parse_time(each.since) <= now < parse_time(each.until)]


def next_change(team: Team, now: float) -> float | None:
    """Return in how many seconds one begins or ends."""
    times = (parse_time(text) for each in _bounded(team) for text in (each.since, each.until))
    return min((at - now for at in times if at > now), default=None)


def problems(team: Team) -> Iterator[Problem]:
    """Yield what is wrong with them; they do not hold then."""
    for each in team.spec.break_glass:
        if not _is_bounded(each):
            said = f"breakGlass of {each.user}: it must be real times, the end at most a day after the beginning"
            yield Problem("BreakGlassRefused", said, stops=False)


def _bounded(team: Team) -> list[BreakGlass]:
    return [each for each in team.spec.break_glass if _is_bounded(each)]


def _is_bounded(each: BreakGlass) -> bool:
    try:
        return 0 < parse_time(each.until) - parse_time(each.since) <= LONGEST_SECONDS
    except ValueError:
        return False
