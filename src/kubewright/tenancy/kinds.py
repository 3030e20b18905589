"""The kinds of what a team is made of."""

from __future__ import annotations

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.queue import QUEUES
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Resource
from kubewright.api.quotas import LIMIT_RANGES, RESOURCE_QUOTAS
from kubewright.api.rights import GROUP

CLUSTER_ROLES = Resource(GROUP, "v1", "clusterroles", "ClusterRole", LiveObject, namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(GROUP, "v1", "clusterrolebindings", "ClusterRoleBinding", LiveObject, namespaced=False)
ROLE_BINDINGS = Resource(GROUP, "v1", "rolebindings", "RoleBinding", LiveObject)
NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", LiveObject)

_ADMISSION = "admissionregistration.k8s.io"
POLICIES, POLICY_BINDINGS = (
    Resource(_ADMISSION, "v1", plural, kind, LiveObject, namespaced=False)
    for plural, kind in (
        ("validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
        ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
    )
)

KINDS: tuple[Resource[LiveObject], ...] = (
    live_resource(NAMESPACES),
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    ROLE_BINDINGS,
    *map(live_resource, (RESOURCE_QUOTAS, LIMIT_RANGES)),
    NETWORK_POLICIES,
    live_resource(QUEUES),
    POLICIES,
    POLICY_BINDINGS,
)
