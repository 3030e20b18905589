"""From all Teams and what there is to one team's Plan. Pure.

What contradicts itself or an older team stops safely: nothing that is there is taken away, the object says what is
wrong, and the next change of either goes on by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.applyset import deletions, identity
from kubewright.api.core import NAMESPACES
from kubewright.api.crds.team import TEAMS, BudgetStatus, Holding, Offboarding, Team
from kubewright.api.finalizers import hold, is_going, let_go
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest
from kubewright.api.plan import Action, Announce, Apply, Plan
from kubewright.tenancy import breakglass
from kubewright.tenancy.converge import NAMESPACE, Seen, foreign, missing, superfluous
from kubewright.tenancy.family import Place, Problem, below, place_of
from kubewright.tenancy.names import CONFIRM, CONFIRM_DELETE, CONFIRM_KEEP, FINALIZER
from kubewright.tenancy.rendering import wanted
from kubewright.tenancy.status import Told, status_of

_NAMESPACES = live_resource(NAMESPACES)
BREAK_GLASS, BREAK_GLASS_ENDED = "BreakGlass", "BreakGlassEnded"
AWAITING, HAS_TEAMS, DELETING, RELEASING = "AwaitingConfirmation", "HasTeamsBelow", "Deleting", "Releasing"


@dataclass(frozen=True, slots=True)
class Desired:
    """What a team asks for, and what of that it cannot have."""

    place: Place
    manifests: tuple[Manifest, ...]


def desired(team: Team, teams: Mapping[str, Team], now: float) -> Desired:
    """Return the objects that a team asks for: none while it is going, or something stops it."""
    place = place_of(team, teams)
    if is_going(team) or any(each.stops for each in place.problems):
        return Desired(place, ())
    return Desired(place, tuple(wanted(place, breakglass.active(team, now))))


def decide(asked: Desired, seen: Seen, now: float, budget: BudgetStatus | None = None) -> Plan:
    """Return what brings a team's objects to what it asks for."""
    place, team = asked.place, asked.place.team
    actions: list[Action] = list(hold(team, TEAMS, FINALIZER))
    problems = [*place.problems, *breakglass.problems(team)]
    if any(each.stops for each in problems):
        return Plan((*actions, *_tell(Told(place, tuple(problems), seen, now, budget))), problems[0].message)
    taken = list(foreign(asked.manifests, seen, team.name))
    lost = {manifest["metadata"]["name"] for manifest, _ in taken if manifest["kind"] == NAMESPACE}
    elsewhere = {identity(manifest) for manifest, _ in taken}
    going = [each.metadata.name for each in seen.namespaces_of(team.name) if each.metadata.deletion_timestamp]
    possible = [
        each
        for each in asked.manifests
        if identity(each) not in elsewhere and _space(each) not in lost and _space(each) not in going
    ]
    mine = {name for name in place.namespaces if name not in lost}
    retired = [each.metadata.name for each in seen.namespaces_of(team.name) if each.metadata.name not in mine]
    again = team.status.observed_generation == team.metadata.generation
    actions += missing(possible, seen, again=again)
    actions += superfluous(asked.manifests, seen, team.name, retired)
    actions += _announced(team, now)
    problems += [problem for _, problem in taken]
    told = Told(place, tuple(problems), seen, now, budget, tuple(sorted(mine)), tuple(retired), tuple(going))
    return Plan((*actions, *_tell(told)), f"team {place.path}: {len(mine)} namespaces")


def refused(asked: Desired, seen: Seen, why: str, now: float, budget: BudgetStatus | None = None) -> Plan:
    """Return what tells that the API server refused something."""
    problems = (*asked.place.problems, Problem("Refused", why))
    return Plan(tuple(_tell(Told(asked.place, problems, seen, now, budget))), why)


def offboard(team: Team, teams: Mapping[str, Team], seen: Seen, holdings: Sequence[Holding], now: float) -> Plan:
    """Return the next step of a deleted team: nothing is lost before that was confirmed."""
    lower = below(team, teams)
    spaces = seen.namespaces_of(team.name)
    choice = team.metadata.annotations.get(CONFIRM, "")
    phase = _phase(lower, choice, spaces)
    place = Place(team)
    if phase in {HAS_TEAMS, AWAITING}:
        held = tuple(each for each in holdings if any(each.namespace == space.metadata.name for space in spaces))
        why = f"teams below it: {', '.join(lower)}" if lower else "its namespaces are kept until that is confirmed"
        problem = Problem(phase, f"it is deleted, and waits: {why}")
        told = Told(place, (problem,), seen, now, team.status.budget, offboarding=Offboarding(phase, held))
        return Plan(tuple(_tell(told)), problem.message)
    if choice == CONFIRM_KEEP:
        return Plan((*_dismantled(team, seen), *map(_released, spaces), *let_go(team, TEAMS, FINALIZER)), phase)
    if spaces:
        gone = deletions((_NAMESPACES, each) for each in spaces)
        told = Told(
            place,
            (),
            seen,
            now,
            team.status.budget,
            offboarding=Offboarding(phase),
            going=tuple(each.metadata.name for each in spaces),
        )
        return Plan((*gone, *_tell(told)), "offboarding was confirmed: its namespaces are deleted")
    return Plan((*_dismantled(team, seen), *let_go(team, TEAMS, FINALIZER)), "nothing of it is left")


def _space(manifest: Manifest) -> str:
    """Return the namespace that an object is, or is in."""
    metadata = manifest["metadata"]
    return metadata["name"] if manifest["kind"] == NAMESPACE else metadata.get("namespace", "")


def _phase(lower: Sequence[str], choice: str, spaces: Sequence[LiveObject]) -> str:
    if lower:
        return HAS_TEAMS
    if not spaces or choice == CONFIRM_DELETE:
        return DELETING
    return RELEASING if choice == CONFIRM_KEEP else AWAITING


def _dismantled(team: Team, seen: Seen) -> Iterator[Action]:
    return deletions((kind, live) for kind, live in seen.of(team.name) if kind.kind != NAMESPACE)


def _released(space: LiveObject) -> Apply:
    """Take our labels off a namespace: fields that are applied no longer go."""
    head = {"apiVersion": "v1", "kind": NAMESPACE, "metadata": {"name": space.metadata.name}}
    return Apply(_NAMESPACES, head)


def _announced(team: Team, now: float) -> Iterator[Announce]:
    """Tell of who begins and ceases to act in a team for a while."""
    told, holds = {each.user for each in team.status.break_glass}, breakglass.active(team, now)
    for each in holds:
        if each.user not in told:
            by = f", let by {each.by}" if each.by else ""
            yield Announce("Warning", BREAK_GLASS, f"{each.user} may act here until {each.until}{by}: {each.reason}")
    for user in sorted(told - {each.user for each in holds}):
        yield Announce("Normal", BREAK_GLASS_ENDED, f"{user} may not act here any more")


def _tell(told: Told) -> Iterator[Action]:
    """Write the status; a problem is announced as well, once."""
    team = told.place.team
    for each in told.problems:
        if not any(each.message in condition.message for condition in team.status.conditions):
            yield Announce("Warning", each.reason, each.message)
    status = status_of(told)
    if status is not None:
        yield Apply.status(TEAMS, team.key, status)
