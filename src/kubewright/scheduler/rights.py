"""What scheduling takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.core import EVENTS, PODS
from kubewright.api.crds.queue import QUEUES
from kubewright.api.meta import Manifest
from kubewright.api.podgroups import COSCHEDULING_GROUPS, POD_GROUPS
from kubewright.api.resourceclaims import RESOURCE_CLAIMS
from kubewright.api.rights import WATCH, rule
from kubewright.api.volumes import CLAIMS, VOLUMES
from kubewright.scheduler.state import FOLLOWED

ACCOUNT = "kubewright-scheduler"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace."""
    return [
        *(rule(kind, WATCH) for kind in (*FOLLOWED, QUEUES, POD_GROUPS, COSCHEDULING_GROUPS)),
        rule(PODS, ("get", "delete")),
        rule(PODS, ("create",), subresource="binding"),
        rule(PODS, ("patch",), subresource="status"),
        *(rule(kind, ("patch",)) for kind in (CLAIMS, VOLUMES)),
        *(rule(kind, ("patch",), subresource="status") for kind in (QUEUES, POD_GROUPS)),
        rule(RESOURCE_CLAIMS, ("get", "patch")),
        *(rule(RESOURCE_CLAIMS, ("patch",), subresource=part) for part in ("status", "binding")),
        rule(EVENTS, ("create", "patch")),
    ]
