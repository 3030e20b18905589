"""The kinds of what a team is made of."""

from __future__ import annotations

from kubewright.api import networking, rbac
from kubewright.api.core import NAMESPACES
from kubewright.api.crds.queue import QUEUES
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Resource
from kubewright.api.quotas import LIMIT_RANGES, RESOURCE_QUOTAS
from kubewright.api.rights import GROUP
from kubewright.guardrails.decide import BINDINGS, POLICIES

CLUSTER_ROLES = live_resource(rbac.CLUSTER_ROLES)
CLUSTER_ROLE_BINDINGS = Resource(GROUP, "v1", "clusterrolebindings", "ClusterRoleBinding", LiveObject, namespaced=False)
ROLE_BINDINGS = Resource(GROUP, "v1", "rolebindings", "RoleBinding", LiveObject)
NETWORK_POLICIES = live_resource(networking.NETWORK_POLICIES)

KINDS: tuple[Resource[LiveObject], ...] = (
    live_resource(NAMESPACES),
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    ROLE_BINDINGS,
    *map(live_resource, (RESOURCE_QUOTAS, LIMIT_RANGES)),
    NETWORK_POLICIES,
    live_resource(QUEUES),
    *map(live_resource, (POLICIES, BINDINGS)),
)
