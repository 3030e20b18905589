"""What a cluster has before anyone asks for anything: its namespaces, and the service that leads to its API."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import ENDPOINTS, NAMESPACES, SERVICES
from kubewright.api.discovery import ENDPOINT_SLICES
from kubewright.api.meta import Manifest, PartialObject, Resource
from kubewright.api.priorities import SYSTEM_CLASSES
from kubewright.twin import gateway
from kubewright.twin.controllers.writes import Create
from kubewright.twin.faults.fault import FAULT_CRD

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
PRIORITY_CLASSES = Resource(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", PartialObject, namespaced=False
)
_DESCRIPTIONS = {
    "system-node-critical": "Used for system critical pods that must not be moved from their current node.",
    "system-cluster-critical": "Used for system critical pods that must run in the cluster, but can be moved to another"
    " node if necessary.",
}
_NAME = "kubernetes"
_SERVICE_IP = "10.96.0.1"
_SERVER_IP = "172.31.255.1"
_SERVER_PORT = 6443
_PORT = {"name": "https", "port": _SERVER_PORT, "protocol": "TCP"}


def system_objects(*, gateway_api: bool = False) -> Iterator[Create]:
    """Yield them in the order in which they are to be made; the Gateway API's kinds only where they are wanted."""
    for name in SYSTEM_NAMESPACES:
        yield Create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, once=True)
    for name, value in SYSTEM_CLASSES.items():
        head = {"apiVersion": PRIORITY_CLASSES.api_version, "kind": PRIORITY_CLASSES.kind, "metadata": {"name": name}}
        yield Create(PRIORITY_CLASSES, {**head, "value": value, "description": _DESCRIPTIONS[name]}, once=True)
    for definition in (FAULT_CRD, *(gateway.definitions() if gateway_api else ())):
        yield Create(CRDS, definition, once=True)
    labels = {"component": "apiserver", "provider": "kubernetes"}
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": _SERVER_PORT}]
    spec = {"clusterIP": _SERVICE_IP, "ports": ports, "type": "ClusterIP"}
    yield Create(SERVICES, {**_head("v1", "Service", labels), "spec": spec}, once=True)
    subsets = [{"addresses": [{"ip": _SERVER_IP}], "ports": [_PORT]}]
    unmirrored = {"endpointslice.kubernetes.io/skip-mirror": "true"}  # its slice comes next
    yield Create(ENDPOINTS, {**_head("v1", "Endpoints", unmirrored), "subsets": subsets}, once=True)
    piece = {
        **_head(ENDPOINT_SLICES.api_version, "EndpointSlice", {"kubernetes.io/service-name": _NAME}),
        "addressType": "IPv4",
        "endpoints": [{"addresses": [_SERVER_IP], "conditions": {"ready": True}}],
        "ports": [_PORT],
    }
    yield Create(ENDPOINT_SLICES, piece, once=True)


def _head(api_version: str, kind: str, labels: dict[str, str]) -> Manifest:
    metadata = {"name": _NAME, "namespace": "default", "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
