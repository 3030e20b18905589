"""The endpoints of a service, in both forms, from the pods that its selector matches. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from kubewright.api.core import ENDPOINTS, PODS, SERVICES, Endpoints, Pod, Service, ServicePort
from kubewright.api.discovery import (
    ENDPOINT_SLICES,
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    EndpointSlice,
)
from kubewright.api.meta import Manifest
from kubewright.api.owners import owner_reference
from kubewright.twin.controllers.endpoints.packing import Group, pack
from kubewright.twin.controllers.writes import Create, Patch, Write

MANAGED_BY = "endpointslice-controller.k8s.io"
_HEADLESS = "service.kubernetes.io/headless"

ZoneOf = Callable[[str], str]


def slices(service: Service, pods: Sequence[Pod], present: Sequence[EndpointSlice], zone_of: ZoneOf) -> list[Write]:
    """Return the writes that make the service's slices say what its pods are."""
    return pack(_groups(service, pods, zone_of), [each for each in present if _is_ours(each)], _template(service))


def _is_ours(each: EndpointSlice) -> bool:
    return each.metadata.labels.get(MANAGED_BY_LABEL) == MANAGED_BY and each.metadata.deletion_timestamp is None


def _groups(service: Service, pods: Sequence[Pod], zone_of: ZoneOf) -> list[Group]:
    """Return the endpoints by their ports; without any pod there is a group of nobody."""
    groups: dict[bytes, Group] = {}
    for pod in pods:
        if pod.status.pod_ip and not pod.is_finished:
            ports = [port for port in (_slice_port(each, pod) for each in service.spec.ports) if port]
            group = groups.setdefault(msgspec.json.encode(ports), Group(ports))
            group.endpoints[pod.status.pod_ip] = _endpoint(service, pod, zone_of)
    return list(groups.values()) or [Group([])]


def _endpoint(service: Service, pod: Pod, zone_of: ZoneOf) -> Manifest:
    serving, terminating = pod.is_ready, pod.is_terminating
    ready = (serving and not terminating) or service.spec.publish_not_ready_addresses
    endpoint: Manifest = {
        "addresses": [pod.status.pod_ip],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "nodeName": pod.spec.node_name,
        "targetRef": _target(pod),
    }
    zone = zone_of(pod.spec.node_name)
    return endpoint | ({"zone": zone} if zone else {}) | _hostname(service, pod)


def _hostname(service: Service, pod: Pod) -> Manifest:
    """A pod that has a name of its own under the service."""
    named = pod.spec.hostname and pod.spec.subdomain == service.metadata.name
    return {"hostname": pod.spec.hostname} if named else {}


def _target(pod: Pod) -> Manifest:
    metadata = pod.metadata
    return {"kind": PODS.kind, "namespace": metadata.namespace, "name": metadata.name, "uid": metadata.uid}


def _slice_port(port: ServicePort, pod: Pod) -> Manifest | None:
    number = _number(port, pod)
    if number is None:
        return None
    found: Manifest = {"name": port.name, "port": number, "protocol": port.protocol}
    return found | ({"appProtocol": port.app_protocol} if port.app_protocol else {})


def _number(port: ServicePort, pod: Pod) -> int | None:
    """Return the number behind a service's port; a name means the pod's container port of that name."""
    target = port.target_port or port.port
    if isinstance(target, int):
        return target
    named = (each for container in pod.spec.containers for each in container.ports if each.name == target)
    return next((each.container_port for each in named if each.protocol == port.protocol), None)


def _template(service: Service) -> Manifest:
    headless = {_HEADLESS: ""} if service.spec.cluster_ip == "None" else {}
    name = service.metadata.name
    own = {SERVICE_NAME_LABEL: name, MANAGED_BY_LABEL: MANAGED_BY}
    others = {key: value for key, value in service.metadata.labels.items() if key != _HEADLESS}
    return {
        "apiVersion": ENDPOINT_SLICES.api_version,
        "kind": ENDPOINT_SLICES.kind,
        "metadata": {
            "generateName": f"{name}-",
            "namespace": service.metadata.namespace,
            "labels": {**others, **own, **headless},
            "ownerReferences": [owner_reference(service, SERVICES)],
        },
        "addressType": "IPv4",
    }


def endpoints(service: Service, pods: Sequence[Pod], present: Endpoints | None) -> list[Write]:
    """Return the write that makes the older form say the same."""
    subsets = _subsets(service, pods)
    if present is not None:
        wanted = msgspec.convert({"subsets": subsets}, Endpoints).subsets or ()
        if (present.subsets or ()) == wanted:
            return []
        return [Patch(ENDPOINTS, present.key, present.metadata.uid, {"subsets": subsets or None})]
    return [Create(ENDPOINTS, _endpoints(service, subsets), once=True)]


def _subsets(service: Service, pods: Sequence[Pod]) -> list[dict[str, Any]]:
    groups: dict[bytes, dict[str, Any]] = {}
    for pod in sorted(pods, key=lambda each: each.status.pod_ip):
        if not pod.status.pod_ip or pod.is_finished or pod.is_terminating:
            continue
        ports = [port for port in (_slice_port(each, pod) for each in service.spec.ports) if port]
        subset = groups.setdefault(msgspec.json.encode(ports), {})
        ready = pod.is_ready or service.spec.publish_not_ready_addresses
        address = {"ip": pod.status.pod_ip, "nodeName": pod.spec.node_name, "targetRef": _target(pod)}
        address |= _hostname(service, pod)
        subset.setdefault("addresses" if ready else "notReadyAddresses", []).append(address)
        subset["ports"] = [{name: value for name, value in port.items() if value != ""} for port in ports]
    return list(groups.values())


def _endpoints(service: Service, subsets: list[dict[str, Any]]) -> Manifest:
    labels = {**service.metadata.labels, "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    metadata = {"name": service.metadata.name, "namespace": service.metadata.namespace, "labels": labels}
    return {
        "apiVersion": ENDPOINTS.api_version,
        "kind": ENDPOINTS.kind,
        "metadata": metadata,
        **({"subsets": subsets} if subsets else {}),
    }
