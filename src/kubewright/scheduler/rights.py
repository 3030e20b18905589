"""What scheduling takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.apps import REPLICA_SETS, STATEFUL_SETS
from kubewright.api.core import EVENTS, NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.crds.queue import QUEUES
from kubewright.api.meta import Manifest
from kubewright.api.podgroups import COSCHEDULING_GROUPS, POD_GROUPS
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.resourceclaims import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from kubewright.api.rights import READ, WATCH, rule
from kubewright.api.volumes import CLAIMS, CSI_DRIVERS, CSI_NODES, STORAGE_CLASSES, VOLUME_ATTACHMENTS, VOLUMES

ACCOUNT = "kubewright-scheduler"
_READ_ONLY = (
    NODES,
    NAMESPACES,
    SERVICES,
    REPLICA_SETS,
    STATEFUL_SETS,
    POD_DISRUPTION_BUDGETS,
    STORAGE_CLASSES,
    CSI_NODES,
    CSI_DRIVERS,
    VOLUME_ATTACHMENTS,
    DEVICE_CLASSES,
    RESOURCE_SLICES,
)


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace."""
    return [
        rule(PODS, (*READ, "delete")),
        rule(PODS, ("create",), subresource="binding"),
        rule(PODS, ("patch",), subresource="status"),
        *(rule(kind, WATCH) for kind in _READ_ONLY),
        *(rule(kind, (*WATCH, "patch")) for kind in (CLAIMS, VOLUMES)),
        *(rule(kind, WATCH) for kind in (QUEUES, POD_GROUPS, COSCHEDULING_GROUPS)),
        rule(QUEUES, ("patch",), subresource="status"),
        rule(RESOURCE_CLAIMS, (*READ, "patch")),
        *(rule(RESOURCE_CLAIMS, ("patch",), subresource=part) for part in ("status", "binding")),
        rule(EVENTS, ("create", "patch")),
    ]
