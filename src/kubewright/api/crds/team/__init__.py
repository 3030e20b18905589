"""Team: who works together, in which namespaces, and what of the cluster is theirs."""

from __future__ import annotations

from kubewright.api.crds.team import kind
from kubewright.api.crds.team.kind import TEAMS, Team
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
from kubewright.api.crds.team.status import (
    WITHIN_BUDGET,
    WITHIN_QUOTA,
    BreakGlassStatus,
    BudgetStatus,
    Holding,
    Offboarding,
    TeamStatus,
)
from kubewright.api.meta import Manifest

TEAM_CRD: Manifest
__getattr__ = kind.__getattr__  # it is generated when it is asked for

__all__ = [
    "ADMIN",
    "EDITOR",
    "LEVELS",
    "ROLES",
    "TEAMS",
    "TEAM_CRD",
    "VIEWER",
    "WITHIN_BUDGET",
    "WITHIN_QUOTA",
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
