"""What keeping PlatformPolicies takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.core import EVENTS
from kubewright.api.crds.platformpolicy import PLATFORM_POLICIES, PLATFORM_POLICY_CRD
from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, definition_rules, rule
from kubewright.guardrails.decide import BINDINGS, POLICIES

ACCOUNT = "kubewright-guardrails"


def cluster_rules() -> list[Manifest]:
    """Return the rights on what is in no namespace, and on the definition."""
    return [
        rule(PLATFORM_POLICIES, WATCH),
        rule(PLATFORM_POLICIES, ("patch",), subresource="status"),
        *(rule(kind, (*WATCH, "create", "patch", "delete")) for kind in (POLICIES, BINDINGS)),
        rule(EVENTS, ("create", "patch")),
        *definition_rules([PLATFORM_POLICY_CRD]),
    ]
