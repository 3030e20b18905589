"""What keeping GPUPolicies takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.core import CONFIG_MAPS, EVENTS, NAMESPACES, NODES, PODS
from kubewright.api.crds.gpupolicy import GPU_POLICIES, GPU_POLICY_CRD
from kubewright.api.meta import Manifest
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.rights import WATCH, definition_rules, rule
from kubewright.disruption.rights import DEFINITIONS, permit_rules

ACCOUNT = "kubewright-gpu"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definition."""
    return [
        rule(GPU_POLICIES, WATCH),
        rule(GPU_POLICIES, ("patch",), subresource="status"),
        rule(NODES, (*WATCH, "patch")),
        rule(NAMESPACES, WATCH),
        rule(PODS, WATCH),
        rule(PODS, ("create",), subresource="eviction"),
        rule(POD_DISRUPTION_BUDGETS, WATCH),
        rule(CONFIG_MAPS, (*WATCH, "create", "patch")),
        rule(EVENTS, ("create", "patch")),
        *permit_rules(NODES, PODS),
        *definition_rules([GPU_POLICY_CRD, *DEFINITIONS]),
    ]
