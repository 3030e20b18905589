"""A real Kubernetes control plane on loopback: the oracle of the contract suite and the rival in the benches.

Tests, benches and `tools.kinds` start one with `with ControlPlane.start(state) as cluster`; people type
`python -m tools.cluster build|up|down|status`. It is etcd, kube-apiserver, kube-controller-manager and kube-scheduler
as their authors publish them, built from `tools/control-plane/go.mod`; there is no kubelet, so nodes are objects.
"""

from tools.cluster.binaries import (
    ALERTMANAGER,
    CONTROL_PLANE,
    CONTROLLER_RUNTIME,
    INFORMERS,
    PROMETHEUS,
    VERSION,
    kubectl_path,
)
from tools.cluster.failure import ClusterError
from tools.cluster.plane import ControlPlane

__all__ = [
    "ALERTMANAGER",
    "CONTROLLER_RUNTIME",
    "CONTROL_PLANE",
    "INFORMERS",
    "PROMETHEUS",
    "VERSION",
    "ClusterError",
    "ControlPlane",
    "kubectl_path",
]
