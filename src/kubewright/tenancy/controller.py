"""Keeps Teams: reads the caches, asks `decide`, carries out the Plan.

What is a team's is watched, so that whatever is edited or deleted is put right at once. All Teams are looked at when
one changes: parents, quotas and names are the matter of several.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from kubewright.api.applyset import Observed, identity
from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD
from kubewright.api.crds.queue import QUEUE_CRD
from kubewright.api.crds.team import TEAM_CRD, TEAMS, Holding, Team
from kubewright.api.finalizers import is_going
from kubewright.api.live import LiveObject
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.api.plan import Action, Announce, Delete, Plan
from kubewright.audit.entries import entry
from kubewright.audit.log import AuditLog
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.costs.budget import TeamSpend
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator, Watch
from kubewright.runtime.plans import Executor, is_of_status
from kubewright.runtime.predicates import annotations_changed, any_of, generation_changed
from kubewright.tenancy.breakglass import next_change
from kubewright.tenancy.budgets import Budgets
from kubewright.tenancy.converge import NAMESPACE, Seen
from kubewright.tenancy.decide import BREAK_GLASS, BREAK_GLASS_ENDED, Desired, decide, desired, offboard, refused
from kubewright.tenancy.inventory import holdings
from kubewright.tenancy.kinds import KINDS
from kubewright.tenancy.names import CONFIRM, is_ours

FIELD_MANAGER = "kubewright-tenancy"
RESYNC_SECONDS = 30.0
BY_TEAM, BY_NAME = "team", "name"
_MOST_TOLD = 500
_REFUSED = frozenset({ErrorKind.INVALID, ErrorKind.FORBIDDEN})


@dataclass(slots=True)
class TeamReconciler:
    """One team's turn."""

    client: Client
    clock: Clock
    executor: Executor
    teams: Informer[Team]
    caches: tuple[Informer[LiveObject], ...]
    budgets: Budgets
    audit: AuditLog

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring what is a team's to what it asks for."""
        team = self.teams.index.get(key)
        if team is None:
            return Done()
        now, teams = self.clock.now(), {each.name: each for each in self.teams.index.values()}
        asked = desired(team, teams, now)
        seen = self._seen(asked)
        if is_going(team):
            await self._execute(offboard(team, teams, seen, await self._holdings(team, seen), now), team)
            return RequeueAfter(RESYNC_SECONDS)
        budget = self.budgets.of(team)
        try:
            await self._execute(decide(asked, seen, now, budget), team)
        except OpError as error:
            if error.kind in _REFUSED and not is_of_status(error, TEAMS, team):
                why = refused(asked, seen, f"{error.target}: {error.detail[:_MOST_TOLD]}", now, budget)
                await self.executor.execute(why, about=team)
            raise
        return RequeueAfter(min(RESYNC_SECONDS, next_change(team, now) or RESYNC_SECONDS))

    async def _execute(self, plan: Plan, team: Team) -> None:
        """Carry a plan out; who is let in, and namespaces that go, are in the audit log before they are."""
        if not any(_is_grave(each) for each in plan.actions):
            await self.executor.execute(plan, about=team)
            return
        why = "; ".join(each.message for each in plan.actions if isinstance(each, Announce) and _is_grave(each))
        about = TEAMS.target(team.key)
        async with self.audit.doing(entry(FIELD_MANAGER, about, why or plan.reason, actions=plan.actions)):
            await self.executor.execute(plan, about=team)

    def _seen(self, asked: Desired) -> Seen:
        observed = Observed()
        caches = {(each.resource.api_version, each.resource.kind): each for each in self.caches}
        for cache in self.caches:
            for live in cache.index.by(BY_TEAM, asked.place.team.name):
                observed.add(cache.resource, live)
        for manifest in asked.manifests:
            api_version, kind, key = identity(manifest)
            cache = caches[api_version, kind]
            live = cache.index.get(key)
            if live is not None:
                observed.add(cache.resource, live)
        return Seen(observed)

    async def _holdings(self, team: Team, seen: Seen) -> list[Holding]:
        """Read what would be lost, while nobody has confirmed that."""
        if CONFIRM in team.metadata.annotations:
            return []
        return await holdings(self.client, [each.metadata.name for each in seen.namespaces_of(team.name)])


def _is_grave(action: Action) -> bool:
    match action:
        case Announce(_, reason):
            return reason in {BREAK_GLASS, BREAK_GLASS_ENDED}
        case Delete(resource):
            return resource.kind == NAMESPACE
        case _:
            return False


def _by_team(live: LiveObject) -> Iterable[Hashable]:
    return (live.metadata.labels[TEAM_LABEL],) if is_ours(live) and TEAM_LABEL in live.metadata.labels else ()


def _names(team: Team) -> Iterable[Hashable]:
    """Return the names at which something else may be in a team's way."""
    return dict.fromkeys((team.name, *team.environment_of, *team.status.namespaces))


def build(operator: Operator, audit: AuditLog, spend: TeamSpend | None = None) -> None:
    """Declare the controller of Teams; without a `spend` nothing is said of their budgets."""
    operator.define(QUEUE_CRD, TEAM_CRD, AUDIT_RECORD_CRD)
    teams = operator.informer(TEAMS, indexers={BY_NAME: _names})
    caches = tuple(operator.informer(each, indexers={BY_TEAM: _by_team}) for each in KINDS)

    def everybody(_: KubeObject | None = None) -> Iterable[ObjectKey]:
        return tuple(teams.index.keys())

    def whose(live: LiveObject) -> Iterable[ObjectKey]:
        """Return the team that an object is of; those that wait for its name are told as well."""
        if not is_ours(live):
            return [each.key for each in teams.index.by(BY_NAME, live.metadata.name)]
        team = live.metadata.labels.get(TEAM_LABEL)
        return everybody() if team is None else (ObjectKey("", team),)

    def look_again() -> None:
        for key in everybody():
            controller.queue.add(key)

    budgets = Budgets(spend, operator.clock, look_again)
    reconciler = TeamReconciler(
        operator.client, operator.clock, operator.executor(TEAMS), teams, caches, budgets, audit
    )
    controller = operator.controller(
        teams,
        reconciler,
        name="team",
        watches=(
            Watch(teams, everybody, when=any_of(generation_changed, annotations_changed)),
            *(Watch(each, whose) for each in caches),
        ),
    )
    operator.task("teams' spend", budgets.run)
    operator.task("audit log", audit.run)
