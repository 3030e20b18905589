"""What a Team says of itself."""

from __future__ import annotations

from typing import Annotated

from kubewright.api.conditions import Condition
from kubewright.api.described import described
from kubewright.api.meta import Leaf

_COUNT = {"format": "int32"}


class BudgetStatus(Leaf, frozen=True):
    """How the budget fares."""

    spent: Annotated[str, described("This month.")] = ""
    forecast: Annotated[str, described("Of the whole month.")] = ""
    currency: Annotated[str, described("Of both.")] = ""
    used_up_at: Annotated[str, described("When the budget will be spent; nothing if it lasts.")] = ""


class BreakGlassStatus(Leaf, frozen=True):
    """Somebody who may act in the team's namespaces now."""

    user: Annotated[str, described("Who.", required=True)] = ""
    until: Annotated[str, described("Until when.")] = ""
    reason: Annotated[str, described("Why.")] = ""


class Holding(Leaf, frozen=True):
    """What a namespace holds that would be lost with it, Secrets and ConfigMaps besides."""

    namespace: Annotated[str, described("Which.", required=True)] = ""
    workloads: Annotated[int, described("Deployments, StatefulSets, DaemonSets, Jobs and CronJobs.", _COUNT)] = 0
    pods: Annotated[int, described("Pods.", _COUNT)] = 0
    services: Annotated[int, described("Services.", _COUNT)] = 0
    volumes: Annotated[tuple[str, ...], described("Claims of volumes, with their sizes.", atomic=True)] = ()


class Offboarding(Leaf, frozen=True):
    """How far a deleted team is on its way out."""

    phase: Annotated[str, described("AwaitingConfirmation, HasTeamsBelow, Deleting or Releasing.")] = ""
    holdings: Annotated[tuple[Holding, ...], described("What would be lost.", list_map_keys=("namespace",))] = ()


WITHIN_QUOTA, WITHIN_BUDGET = "WithinQuota", "WithinBudget"
"""Conditions of a team beside Ready, Reconciling and Stalled."""


class TeamStatus(Leaf, frozen=True):
    """What there is of a team."""

    namespaces: Annotated[tuple[str, ...], described("Its namespaces.", atomic=True)] = ()
    retired: Annotated[
        tuple[str, ...], described("Namespaces that it does not ask for any more: kept, without members.", atomic=True)
    ] = ()
    path: Annotated[str, described("Its name after those of the teams above.")] = ""
    members: Annotated[int, described("How many.", _COUNT)] = 0
    dashboard: Annotated[str, described("Its board, below Grafana's address.")] = ""
    on_call: Annotated[str, described("Who is on call.")] = ""
    budget: Annotated[BudgetStatus | None, described("How the budget fares.")] = None
    break_glass: Annotated[
        tuple[BreakGlassStatus, ...], described("Who may act in it for a while.", list_map_keys=("user",))
    ] = ()
    offboarding: Annotated[Offboarding | None, described("How far it is on its way out.")] = None
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[
        tuple[Condition, ...],
        described("Ready, Reconciling, Stalled, WithinQuota, WithinBudget.", list_map_keys=("type",)),
    ] = ()
