"""What scaling by ScalePolicies takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.autoscaling import AUTOSCALERS, POD_METRICS
from kubewright.api.core import EVENTS, PODS
from kubewright.api.crds.scalepolicy import SCALE_POLICIES, SCALE_POLICY_CRD
from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, definition_rules, rule

ACCOUNT = "kubewright-autoscaler"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definition."""
    return [
        rule(SCALE_POLICIES, (*WATCH, "patch")),
        rule(SCALE_POLICIES, ("patch",), subresource="status"),
        # The targets may be of any kind that has a scale, as a HorizontalPodAutoscaler's.
        {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get", "patch"]},
        rule(DEPLOYMENTS, WATCH),
        rule(STATEFUL_SETS, WATCH),
        rule(PODS, WATCH),
        rule(POD_METRICS, ("list",)),
        # One that is adopted is deleted, when its policy has written down what it said.
        rule(AUTOSCALERS, (*WATCH, "delete")),
        rule(EVENTS, ("create", "patch")),
        *definition_rules([SCALE_POLICY_CRD]),
    ]
