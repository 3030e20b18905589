"""What taking signals in takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.coordination import LEASES
from kubewright.api.core import EVENTS, NODES, PODS
from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, rule

ACCOUNT = "kubewright-monitoring"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace."""
    return [
        *(rule(kind, WATCH) for kind in (NODES, PODS, DEPLOYMENTS, LEASES)),
        rule(EVENTS, ("create", "patch", *WATCH)),
    ]
