"""What keeping NodePools takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import REPLICA_SETS, STATEFUL_SETS
from kubewright.api.core import EVENTS, NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.crds.nodepool import NODE_POOL_CRD, NODE_POOLS
from kubewright.api.meta import Manifest
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.resourceclaims import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from kubewright.api.rights import READ, WATCH, rule
from kubewright.api.volumes import CLAIMS, CSI_DRIVERS, CSI_NODES, STORAGE_CLASSES, VOLUME_ATTACHMENTS, VOLUMES
from kubewright.nodepools.clusterapi import MACHINE_DEPLOYMENTS, MACHINES

ACCOUNT = "kubewright-nodes"
_READ_ONLY = (
    NODE_POOLS,
    PODS,
    NAMESPACES,
    SERVICES,
    REPLICA_SETS,
    STATEFUL_SETS,
    POD_DISRUPTION_BUDGETS,
    CLAIMS,
    VOLUMES,
    STORAGE_CLASSES,
    CSI_NODES,
    CSI_DRIVERS,
    VOLUME_ATTACHMENTS,
    RESOURCE_CLAIMS,
    DEVICE_CLASSES,
    RESOURCE_SLICES,
)


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definition."""
    return [
        *(rule(kind, WATCH) for kind in _READ_ONLY),
        rule(NODE_POOLS, ("patch",), subresource="status"),
        rule(NODES, (*WATCH, "patch")),
        rule(PODS, ("create",), subresource="eviction"),
        *(rule(kind, ("get", "list", "patch")) for kind in (MACHINE_DEPLOYMENTS, MACHINES)),
        rule(EVENTS, ("create", "patch")),
        rule(CRDS, ("create",)),
        rule(CRDS, (*READ, "patch"), names=(NODE_POOL_CRD["metadata"]["name"],)),
    ]
