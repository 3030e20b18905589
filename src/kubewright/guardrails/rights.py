"""What keeping PlatformPolicies takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import EVENTS
from kubewright.api.crds.platformpolicy import PLATFORM_POLICIES, PLATFORM_POLICY_CRD
from kubewright.api.meta import Manifest
from kubewright.api.rights import READ, WATCH, rule
from kubewright.guardrails.decide import BINDINGS, POLICIES

ACCOUNT = "kubewright-guardrails"


def cluster_rules() -> list[Manifest]:
    """Return the rights on what is in no namespace, and on the definition."""
    return [
        rule(PLATFORM_POLICIES, WATCH),
        rule(PLATFORM_POLICIES, ("patch",), subresource="status"),
        *(rule(kind, (*WATCH, "create", "patch", "delete")) for kind in (POLICIES, BINDINGS)),
        rule(EVENTS, ("create", "patch")),
        # Who creates something cannot be held to a name: it has none yet.
        rule(CRDS, ("create",)),
        rule(CRDS, (*READ, "patch"), names=(PLATFORM_POLICY_CRD["metadata"]["name"],)),
    ]
