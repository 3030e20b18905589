"""Names and labels by which what belongs to a team is known. Only administrators can set those of namespaces."""

from __future__ import annotations

import hashlib

from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.meta import KubeObject, Manifest

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "kubewright-tenancy"
ENVIRONMENT_LABEL = "kubewright.dev/environment"
ON_CALL = "kubewright.dev/on-call"
"""The annotation of a team's namespaces that says who is on call."""
CONFIRM = "kubewright.dev/confirm-offboarding"
"""The annotation of a Team that says what becomes of its namespaces when it is deleted."""
CONFIRM_DELETE, CONFIRM_KEEP = "delete", "keep"
FINALIZER = "kubewright.dev/team"

NETWORK_POLICY = "kubewright-default-deny"
QUOTA = "kubewright-quota"
LIMITS = "kubewright-limits"
BREAK_GLASS = "kubewright-break-glass-"


def labels_of(team: str) -> dict[str, str]:
    """Return the labels of all that is a team's."""
    return {MANAGED_BY_LABEL: MANAGED_BY, TEAM_LABEL: team}


def is_of(obj: KubeObject, team: str) -> bool:
    """Tell whether an object is a team's."""
    labels = obj.metadata.labels
    return labels.get(MANAGED_BY_LABEL) == MANAGED_BY and labels.get(TEAM_LABEL) == team


def is_ours(obj: KubeObject) -> bool:
    """Tell whether an object is that of any team, or for all."""
    return obj.metadata.labels.get(MANAGED_BY_LABEL) == MANAGED_BY


def break_glass_name(user: str) -> str:
    """Return the name of the binding of somebody from outside: users' names may hold what names may not."""
    return f"{BREAK_GLASS}{hashlib.sha256(user.encode()).hexdigest()[:10]}"


def own_role(team: str) -> str:
    """Return the name of the ClusterRole by which members see their own Team, queue and namespaces."""
    return f"kubewright-team:{team}"


def manifest(api_version: str, kind: str, name: str, labels: dict[str, str], namespace: str = "") -> Manifest:
    """Return the head of an object."""
    metadata: Manifest = {"name": name, "labels": labels}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
