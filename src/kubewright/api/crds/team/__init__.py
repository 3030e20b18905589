"""Team: who works together, in which namespaces, and what of the cluster is theirs."""

from __future__ import annotations

from kubewright.api.crds.team.kind import TEAM_CRD, TEAMS, Team
from kubewright.api.crds.team.spec import (
    ADMIN,
    EDITOR,
    LEVELS,
    ROLES,
    VIEWER,
    BreakGlass,
    Environment,
    Member,
    Network,
    Peer,
    TeamQueue,
    TeamSpec,
)
from kubewright.api.crds.team.status import BreakGlassStatus, BudgetStatus, Holding, Offboarding, TeamStatus

__all__ = [
    "ADMIN",
    "EDITOR",
    "LEVELS",
    "ROLES",
    "TEAMS",
    "TEAM_CRD",
    "VIEWER",
    "BreakGlass",
    "BreakGlassStatus",
    "BudgetStatus",
    "Environment",
    "Holding",
    "Member",
    "Network",
    "Offboarding",
    "Peer",
    "Team",
    "TeamQueue",
    "TeamSpec",
    "TeamStatus",
]
