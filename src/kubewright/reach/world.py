"""What is known of a cluster's network, as it was read once: `reading` fills it from any API server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from kubewright.api.core import METADATA_NAME, Namespace, Node, Pod, Service
from kubewright.api.discovery import EndpointSlice
from kubewright.api.meshes import (
    AuthorizationPolicy,
    LinkerdAuthorization,
    MeshTlsAuthentication,
    NetworkAuthentication,
    PeerAuthentication,
    Server,
    ServerAuthorization,
)
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.api.networking import NetworkPolicy
from kubewright.reach.ends import AddressEnd, End, NodeEnd, PodEnd, parsed, pod_addresses

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Foreign:
    """A policy of a kind that is not looked into: what it does is unknown."""

    kind: str
    key: ObjectKey
    """Without a namespace it concerns the whole cluster."""

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.key}"


@dataclass(frozen=True, slots=True)
class Linkerd:
    """The policies of a Linkerd mesh."""

    servers: tuple[Server, ...] = ()
    authorizations: tuple[LinkerdAuthorization, ...] = ()
    old_authorizations: tuple[ServerAuthorization, ...] = ()
    mesh_tls: tuple[MeshTlsAuthentication, ...] = ()
    networks: tuple[NetworkAuthentication, ...] = ()
    unread: str = ""
    """Why some of them are missing."""


@dataclass(frozen=True)
class World:
    """Everything that decides whether one end reaches another. Not slotted: it keeps its indexes once they are made."""

    pods: tuple[Pod, ...] = ()
    nodes: tuple[Node, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    policies: tuple[NetworkPolicy, ...] = ()
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    makers: tuple[KubeObject, ...] = ()
    """What pods come from, for questions about a Deployment and its like."""
    istio_policies: tuple[AuthorizationPolicy, ...] = ()
    istio_tls: tuple[PeerAuthentication, ...] = ()
    linkerd: Linkerd = Linkerd()
    foreign: tuple[Foreign, ...] = ()
    foreign_unread: tuple[str, ...] = ()
    """Kinds of such policies that are served and could not be read."""
    unread: Mapping[str, str] = field(default_factory=dict[str, str])
    """By plural the kinds that could not be read, each with the reason."""
    limited: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By plural the kinds that were read in some namespaces only, with these."""

    @cached_property
    def pods_of(self) -> Mapping[str, tuple[Pod, ...]]:
        """Return by namespace the pods that have not ended."""
        return _grouped((pod.metadata.namespace, pod) for pod in self.pods if not pod.is_finished)

    @cached_property
    def pod(self) -> Mapping[ObjectKey, Pod]:
        """Return pods by key."""
        return {pod.key: pod for pod in self.pods}

    @cached_property
    def node(self) -> Mapping[str, NodeEnd]:
        """Return nodes by name, the address that they are reached by first."""
        found: dict[str, NodeEnd] = {}
        for node in self.nodes:
            listed = sorted(node.status.addresses, key=lambda each: each.type != "InternalIP")
            found[node.metadata.name] = NodeEnd(
                node.metadata.name, tuple(each.address for each in listed if parsed(each.address) is not None)
            )
        return found

    @cached_property
    def service(self) -> Mapping[ObjectKey, Service]:
        """Return services by key."""
        return {service.key: service for service in self.services}

    @cached_property
    def service_at(self) -> Mapping[str, Service]:
        """Return services by the addresses that they have in the cluster, and outside."""
        found: dict[str, Service] = {}
        for each in self.services:
            own = (*each.spec.cluster_ips, each.spec.cluster_ip, *each.spec.external_ips)
            found |= {str(address): each for text in own if (address := parsed(text)) is not None}
        return found

    @cached_property
    def slices_of(self) -> Mapping[ObjectKey, tuple[EndpointSlice, ...]]:
        """Return by service its endpoint slices."""
        return _grouped(
            (ObjectKey(each.metadata.namespace, each.service_name), each) for each in self.slices if each.service_name
        )

    @cached_property
    def policies_of(self) -> Mapping[str, tuple[NetworkPolicy, ...]]:
        """Return by namespace its network policies, by name."""
        return _grouped(
            (each.metadata.namespace, each) for each in sorted(self.policies, key=lambda policy: policy.key)
        )

    @cached_property
    def istio_tls_of(self) -> Mapping[str, tuple[PeerAuthentication, ...]]:
        """Return by namespace its PeerAuthentications, the oldest first, then by name."""
        listed = sorted(self.istio_tls, key=lambda each: (each.metadata.creation_timestamp or "", each.key))
        return _grouped((each.metadata.namespace, each) for each in listed)

    @cached_property
    def servers_of(self) -> Mapping[str, tuple[Server, ...]]:
        """Return by namespace Linkerd's Servers."""
        return _grouped((each.metadata.namespace, each) for each in self.linkerd.servers)

    @cached_property
    def namespace(self) -> Mapping[str, Namespace]:
        """Return namespaces by name."""
        return {each.metadata.name: each for each in self.namespaces}

    @cached_property
    def labels_of_namespaces(self) -> Mapping[str, Mapping[str, str]]:
        """Return namespaces' labels, with the one that every server sets."""
        return {
            each.metadata.name: {METADATA_NAME: each.metadata.name, **each.metadata.labels} for each in self.namespaces
        }

    @cached_property
    def isolation(self) -> dict[tuple[ObjectKey, str], tuple[NetworkPolicy, ...]]:
        """Return a memory, by pod and direction, of which policies select it (`policies.isolating`)."""
        return {}

    @cached_property
    def _by_address(self) -> Mapping[str, End]:
        found: dict[str, End] = {}
        for pod in self.pods:
            if pod.is_finished or pod.spec.host_network:
                continue  # an address of the dead may be somebody else's by now; one of the host is the node's
            for address in pod_addresses(pod):
                found[address] = PodEnd(pod)
        for node in self.node.values():
            for address in node.addresses:
                found[address] = node
        return found

    def at(self, address: str) -> End:
        """Return who has an address."""
        given = parsed(address)
        return self._by_address.get(str(given), AddressEnd(address)) if given is not None else AddressEnd(address)


def _grouped(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, tuple[_V, ...]]:
    found: defaultdict[_K, list[_V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}
