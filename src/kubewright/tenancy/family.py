"""What a team may have beside all others: its place below its parents, its namespaces and quotas. Pure.

Where teams contradict each other the older one is right, so that nobody loses anything to a newcomer; what is wrong is
said of the one that came later, or of each on a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from kubewright.api.crds.team import LEVELS, Team
from kubewright.api.crds.team.spec import Environment
from kubewright.api.crds.violations import violations
from kubewright.api.finalizers import is_going
from kubewright.api.meta import EMPTY
from kubewright.api.quantity import Quantity, format_quantity, parse_quantity

DEEPEST = 3
"""Levels of teams."""
_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a team; one that `stops` leaves everything as it is."""

    reason: str
    message: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a team stands."""

    team: Team
    above: tuple[Team, ...] = ()
    """The nearest first."""
    namespaces: Mapping[str, str] = field(default_factory=dict[str, str])
    """The environment of each that is not an older team's."""
    problems: tuple[Problem, ...] = ()
    below: tuple[str, ...] = ()
    """The names of all teams below it."""

    @property
    def path(self) -> str:
        """Return its name after those above."""
        return "/".join(each.name for each in (*reversed(self.above), self.team))

    @property
    def pod_security(self) -> str:
        """Return the strictest level of its own and those above."""
        return min((each.spec.pod_security for each in (self.team, *self.above)), key=LEVELS.index)

    @property
    def queue(self) -> str:
        """Return the queue of its namespaces: its own, or the nearest above."""
        return next((each.name for each in (self.team, *self.above) if each.spec.queue is not None), "")

    @property
    def queue_above(self) -> str:
        """Return the queue that its own one lends to and borrows from."""
        own = self.team.spec.queue
        if own is not None and own.parent:
            return own.parent
        return next((each.name for each in self.above if each.spec.queue is not None), "")


def place_of(team: Team, teams: Mapping[str, Team]) -> Place:
    """Return where a team stands among all, by name."""
    wrong = tuple(violations(team.spec, "spec"))
    if wrong:
        return Place(team, problems=(Problem("InvalidSpec", "; ".join(wrong)),))
    above, problem = _above(team, teams)
    if problem is not None:
        return Place(team, problems=(problem,))
    namespaces, taken = _namespaces(team, teams)
    try:
        quotas = tuple(_quotas(team, above, teams))
    except ValueError as error:
        quotas = (Problem("InvalidSpec", str(error)),)
    place = Place(team, above, namespaces, (*quotas, *taken), tuple(_all_below(team, teams)))
    return replace(place, problems=(*place.problems, *_queue_problems(place)))


def below(team: Team, teams: Mapping[str, Team]) -> list[str]:
    """Return the names of the teams right below one."""
    return sorted(each.name for each in teams.values() if each.spec.parent == team.name)


def _all_below(team: Team, teams: Mapping[str, Team], levels: int = DEEPEST) -> Iterator[str]:
    for name in below(team, teams):
        yield name
        if levels > 1:
            yield from _all_below(teams[name], teams, levels - 1)


def _above(team: Team, teams: Mapping[str, Team]) -> tuple[tuple[Team, ...], Problem | None]:
    found: list[Team] = []
    at = team
    while at.spec.parent:
        names = [team.name, *(each.name for each in found)]
        if at.spec.parent in names:
            circle = " -> ".join((*names, at.spec.parent))
            return (), Problem("ParentCycle", f"its parents lead back: {circle}; give one of them another parent")
        parent = teams.get(at.spec.parent)
        if parent is None:
            return (), Problem("ParentNotFound", f"team {at.name}: there is no team {at.spec.parent}")
        found.append(parent)
        at = parent
    if len(found) >= DEEPEST:
        path = " / ".join(each.name for each in reversed(found))
        return (), Problem("TooDeep", f"below {path}: {DEEPEST} levels of teams at most")
    return tuple(found), None


def _namespaces(team: Team, teams: Mapping[str, Team]) -> tuple[dict[str, str], list[Problem]]:
    mine, problems = team.environment_of, list[Problem]()
    named = [name for each in team.spec.environments for name in team.namespaces_of(each.name)]
    for name in sorted({each for each in named if named.count(each) > 1}):
        problems.append(Problem("NamespaceTwice", f"namespace {name} is named twice: once is enough"))
    for other in sorted(teams.values(), key=lambda each: each.metadata.seniority):
        if other.name == team.name or other.metadata.seniority > team.metadata.seniority:
            continue
        for name in other.environment_of.keys() & mine.keys():
            del mine[name]
            said = f"namespace {name} is that of team {other.name}, which is older: name another"
            problems.append(Problem("NamespaceTaken", said, stops=False))
    return mine, problems


def _quotas(team: Team, above: tuple[Team, ...], teams: Mapping[str, Team]) -> Iterator[Problem]:
    for holder in (team, *above):
        for resource, limit in _amounts(holder.spec.quota).items():
            for each in team.spec.environments:
                if any(resource not in _amounts(quota) for quota in _quotas_of(team, each)):
                    said = f"environment {each.name} says no {resource}, of which team {holder.name} has a limit"
                    yield Problem("QuotaMissing", said)
            claimed = _claim(holder, resource, team, teams, whole=True)
            if claimed > limit:
                given = f"{format_quantity(claimed)} {resource} would be given, {format_quantity(limit)} is the most"
                yield Problem("QuotaExceeded", f"{given} of team {holder.name} with those below it")


def _claim(holder: Team, resource: str, newest: Team, teams: Mapping[str, Team], *, whole: bool = False) -> Fraction:
    """Return what a team claims of a resource, with those below it that are no younger than `newest`.

    A team that has a limit claims that, however little its namespaces are given.
    """
    limit = _amounts(holder.spec.quota).get(resource)
    if limit is not None and not whole:
        return limit
    own = sum(
        _amounts(quota).get(resource, Fraction(0))
        for each in holder.spec.environments
        for quota in _quotas_of(holder, each)
    )
    if holder.name == newest.name:
        return Fraction(own)
    others = (each for each in teams.values() if each.spec.parent == holder.name and not is_going(each))
    counted = (
        each
        for each in others
        if each.metadata.seniority <= newest.metadata.seniority or _leads_to(each, newest, teams)
    )
    return own + sum((_claim(each, resource, newest, teams) for each in counted), Fraction(0))


def _leads_to(team: Team, lower: Team, teams: Mapping[str, Team]) -> bool:
    parent = teams.get(lower.spec.parent)
    return parent is not None and (parent.name == team.name or _leads_to(team, parent, teams))


def quota_of(environment: Environment, namespace: str) -> dict[str, Quantity]:
    """Return what one of an environment's namespaces may hold: its own amounts, and the environment's of all else."""
    own = next((each.quota for each in environment.namespace_quotas if each.namespace == namespace), EMPTY)
    named = {_ALIASES.get(name, name) for name in own}
    shared = {name: amount for name, amount in environment.quota.items() if _ALIASES.get(name, name) not in named}
    return {**shared, **own}


def _quotas_of(team: Team, environment: Environment) -> list[dict[str, Quantity]]:
    """Return the quota of each namespace of an environment."""
    return [quota_of(environment, name) for name in team.namespaces_of(environment.name)]


def _amounts(quota: Mapping[str, Quantity]) -> dict[str, Fraction]:
    return {_ALIASES.get(name, name): parse_quantity(amount) for name, amount in quota.items()}


def _queue_problems(place: Place) -> Iterator[Problem]:
    own = place.team.spec.queue
    if own is None or place.queue_above:
        return
    if any(each.borrowing_limit is not None or each.lending_limit is not None for each in own.quotas):
        yield Problem(
            "QueueAlone",
            "its queue has nobody to borrow from or to lend to: name a parent of it, or leave the limits out",
        )
