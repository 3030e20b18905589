"""What keeping NodePools takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.core import EVENTS, NODES, PODS
from kubewright.api.crds.nodepool import NODE_POOL_CRD, NODE_POOLS
from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, definition_rules, rule
from kubewright.disruption.rights import DEFINITIONS, permit_rules
from kubewright.nodepools.clusterapi import MACHINE_DEPLOYMENTS, MACHINES
from kubewright.scheduler.state import FOLLOWED

ACCOUNT = "kubewright-nodes"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definition."""
    return [
        *(rule(kind, WATCH) for kind in (NODE_POOLS, *FOLLOWED)),
        rule(NODE_POOLS, ("patch",), subresource="status"),
        rule(NODES, ("patch",)),
        rule(PODS, ("create",), subresource="eviction"),
        rule(MACHINE_DEPLOYMENTS, ("get", "list", "patch")),
        rule(MACHINES, ("list", "patch")),
        rule(EVENTS, ("create", "patch")),
        *permit_rules(NODES),
        *definition_rules([NODE_POOL_CRD, *DEFINITIONS]),
    ]
