"""What telling costs takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.autoscaling import POD_METRICS
from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.crds.nodepool import NODE_POOLS
from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, rule
from kubewright.api.volumes import CLAIMS

ACCOUNT = "kubewright-costs"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace."""
    return [
        *(rule(kind, WATCH) for kind in (NODES, PODS, NAMESPACES, CLAIMS, SERVICES, NODE_POOLS)),
        rule(POD_METRICS, ("list",)),
    ]
