"""What sizing by SizePolicies takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.autoscaling import AUTOSCALERS, POD_METRICS
from kubewright.api.core import EVENTS, NAMESPACES, NODES, PODS
from kubewright.api.crds.scalepolicy import SCALE_POLICIES, SCALE_POLICY_CRD
from kubewright.api.crds.sizepolicy import SIZE_POLICIES, SIZE_POLICY_CRD
from kubewright.api.meta import Manifest
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.quotas import LIMIT_RANGES, RESOURCE_QUOTAS
from kubewright.api.rights import WATCH, definition_rules, rule
from kubewright.disruption.rights import DEFINITIONS, permit_rules

ACCOUNT = "kubewright-sizing"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definitions."""
    return [
        rule(SIZE_POLICIES, WATCH),
        rule(SIZE_POLICIES, ("patch",), subresource="status"),
        rule(SCALE_POLICIES, WATCH),
        rule(AUTOSCALERS, WATCH),
        rule(PODS, WATCH),
        rule(DEPLOYMENTS, WATCH),
        rule(STATEFUL_SETS, WATCH),
        rule(NODES, WATCH),
        rule(NAMESPACES, WATCH),
        rule(PODS, ("patch",), subresource="resize"),
        rule(POD_METRICS, ("list",)),
        rule(RESOURCE_QUOTAS, WATCH),
        rule(LIMIT_RANGES, WATCH),
        rule(POD_DISRUPTION_BUDGETS, WATCH),
        rule(EVENTS, ("create", "patch")),
        *permit_rules(PODS),
        *definition_rules([SCALE_POLICY_CRD, SIZE_POLICY_CRD, *DEFINITIONS]),
    ]
