"""The `rbac.authorization.k8s.io` group: roles, as far as they are read."""

from __future__ import annotations

from typing import Any

import msgspec

from kubewright.api.meta import KubeObject, Resource
from kubewright.api.selectors import LabelSelector


class AggregationRule(msgspec.Struct, frozen=True, rename="camel"):
    """Which ClusterRoles a ClusterRole takes its rules from: those that any selector matches."""

    cluster_role_selectors: tuple[LabelSelector, ...] = ()


class ClusterRole(KubeObject, frozen=True, kw_only=True):
    """A role for the whole cluster, or to be bound in any namespace."""

    aggregation_rule: AggregationRule | None = None
    rules: tuple[dict[str, Any], ...] | None = None


CLUSTER_ROLES: Resource[ClusterRole] = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", ClusterRole, namespaced=False
)
