"""The core group's kinds (`v1`): one Struct and one Resource constant each.

Everything above imports pods, nodes and their neighbours from here; `pods.py` and `nodes.py` hold the two large ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kubewright.api.conditions import Condition
from kubewright.api.containers import Container, ContainerPort, Probe, ResourceRequirements
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.nodes import (
    NODES,
    TYPE_LABEL,
    Node,
    NodeAddress,
    NodeCondition,
    NodeSpec,
    NodeStatus,
    NodeSystemInfo,
)
from kubewright.api.pods import (
    POD_SUBRESOURCES,
    PODS,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    Pod,
    PodSpec,
    PodStatus,
)
from kubewright.api.tolerations import Taint, Toleration

__all__ = [
    "CONFIG_MAPS",
    "ENDPOINTS",
    "EVENTS",
    "METADATA_NAME",
    "NAMESPACES",
    "NODES",
    "PODS",
    "POD_SUBRESOURCES",
    "SECRETS",
    "SERVICES",
    "SERVICE_ACCOUNTS",
    "TYPE_LABEL",
    "ConfigMap",
    "Container",
    "ContainerPort",
    "ContainerState",
    "ContainerStateRunning",
    "ContainerStateTerminated",
    "ContainerStateWaiting",
    "ContainerStatus",
    "EndpointAddress",
    "EndpointPort",
    "EndpointSubset",
    "Endpoints",
    "Event",
    "EventSeries",
    "EventSource",
    "Namespace",
    "NamespaceSpec",
    "NamespaceStatus",
    "Node",
    "NodeAddress",
    "NodeCondition",
    "NodeSpec",
    "NodeStatus",
    "NodeSystemInfo",
    "ObjectReference",
    "Pod",
    "PodSpec",
    "PodStatus",
    "Probe",
    "ResourceRequirements",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServicePort",
    "ServiceSpec",
    "Taint",
    "Toleration",
]


class ObjectReference(Leaf, frozen=True):
    """Another object, named in full."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""
    field_path: str = ""


class NamespaceSpec(Leaf, frozen=True):
    """Who must finish before a deleted namespace goes."""

    finalizers: tuple[str, ...] = ()


class NamespaceStatus(Leaf, frozen=True):
    """Active or Terminating, and what still keeps it."""

    phase: str = "Active"
    conditions: tuple[Condition, ...] = ()


METADATA_NAME = "kubernetes.io/metadata.name"
"""The label that every API server sets on a namespace: its name."""


class Namespace(KubeObject, frozen=True, kw_only=True):
    """A namespace."""

    spec: NamespaceSpec = NamespaceSpec()
    status: NamespaceStatus = NamespaceStatus()


class ServicePort(Leaf, frozen=True):
    """A port of a service and where its traffic goes."""

    port: int = 0
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str = 0
    node_port: int = 0
    app_protocol: str | None = None


class ServiceSpec(Leaf, frozen=True):
    """Which pods a service leads to. An empty selector leads to none: someone else writes its endpoints."""

    selector: Mapping[str, str] = EMPTY
    ports: tuple[ServicePort, ...] = ()
    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = msgspec.field(default=(), name="clusterIPs")
    ip_families: tuple[str, ...] = ()
    publish_not_ready_addresses: bool = False
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = ""
    external_name: str = ""
    external_ips: tuple[str, ...] = msgspec.field(default=(), name="externalIPs")


class Service(KubeObject, frozen=True, kw_only=True):
    """A service."""

    spec: ServiceSpec = ServiceSpec()


class ConfigMap(KubeObject, frozen=True, kw_only=True):
    """Configuration as text."""

    data: Mapping[str, str] = EMPTY
    immutable: bool = False


class Secret(KubeObject, frozen=True, kw_only=True):
    """A secret. Only its type is decoded: no secret's content is ever cached, logged or shown."""

    type: str = "Opaque"


class ServiceAccount(KubeObject, frozen=True, kw_only=True):
    """An identity for pods."""

    automount_service_account_token: bool = True


class EndpointAddress(Leaf, frozen=True):
    """One address behind a service."""

    ip: str = ""
    hostname: str = ""
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointPort(Leaf, frozen=True):
    """One port of all addresses of its subset."""

    port: int = 0
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str | None = None


class EndpointSubset(Leaf, frozen=True):
    """Addresses that share their ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(KubeObject, frozen=True, kw_only=True):
    """The older form of endpoint slices; it is still served and written by hand."""

    subsets: tuple[EndpointSubset, ...] | None = ()


class EventSource(Leaf, frozen=True):
    """Who reported, in events of the older form."""

    component: str = ""
    host: str = ""


class EventSeries(Leaf, frozen=True):
    """How often an event of the newer form was repeated."""

    count: int = 0
    last_observed_time: str | None = None


class Event(KubeObject, frozen=True, kw_only=True):
    """What happened to an object, told to people."""

    involved_object: ObjectReference = ObjectReference()
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int = 0
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: EventSeries | None = None
    source: EventSource = EventSource()
    reporting_component: str = ""
    action: str = ""


NAMESPACES: Resource[Namespace] = Resource("", "v1", "namespaces", "Namespace", Namespace, namespaced=False)
SERVICES: Resource[Service] = Resource("", "v1", "services", "Service", Service)
CONFIG_MAPS: Resource[ConfigMap] = Resource("", "v1", "configmaps", "ConfigMap", ConfigMap)
SECRETS: Resource[Secret] = Resource("", "v1", "secrets", "Secret", Secret)
SERVICE_ACCOUNTS: Resource[ServiceAccount] = Resource("", "v1", "serviceaccounts", "ServiceAccount", ServiceAccount)
ENDPOINTS: Resource[Endpoints] = Resource("", "v1", "endpoints", "Endpoints", Endpoints)
EVENTS: Resource[Event] = Resource("", "v1", "events", "Event", Event)
