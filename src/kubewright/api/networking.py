"""The `networking.k8s.io` group, as far as it is read: NetworkPolicies, whose meaning is `reach.policies`' to say."""

from __future__ import annotations

import msgspec

from kubewright.api.meta import KubeObject, Leaf, Resource
from kubewright.api.selectors import LabelSelector

INGRESS, EGRESS = "Ingress", "Egress"


class IPBlock(Leaf, frozen=True):
    """A range of addresses, and ranges in it that are not meant."""

    cidr: str = ""
    besides: tuple[str, ...] = msgspec.field(default=(), name="except")


class NetworkPolicyPeer(Leaf, frozen=True):
    """The other side: pods by labels and namespaces, or a range of addresses. An absent selector is None."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyPort(Leaf, frozen=True):
    """A port, a range of ports, or all of a protocol."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


class NetworkPolicyIngressRule(Leaf, frozen=True):
    """Who may come in by which ports; an empty tuple means all."""

    ports: tuple[NetworkPolicyPort, ...] = ()
    peers: tuple[NetworkPolicyPeer, ...] = msgspec.field(default=(), name="from")


class NetworkPolicyEgressRule(Leaf, frozen=True):
    """Who may be called by which ports; an empty tuple means all."""

    ports: tuple[NetworkPolicyPort, ...] = ()
    peers: tuple[NetworkPolicyPeer, ...] = msgspec.field(default=(), name="to")


class NetworkPolicySpec(Leaf, frozen=True):
    """Which pods, and what they may."""

    pod_selector: LabelSelector = LabelSelector()
    ingress: tuple[NetworkPolicyIngressRule, ...] = ()
    egress: tuple[NetworkPolicyEgressRule, ...] = ()
    policy_types: tuple[str, ...] = ()

    @property
    def directions(self) -> tuple[str, ...]:
        """Return what it isolates its pods for; one that does not say isolates for egress only if it has such rules."""
        return self.policy_types or ((INGRESS, EGRESS) if self.egress else (INGRESS,))


class NetworkPolicy(KubeObject, frozen=True, kw_only=True):
    """A network policy."""

    spec: NetworkPolicySpec = NetworkPolicySpec()


NETWORK_POLICIES: Resource[NetworkPolicy] = Resource(
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", NetworkPolicy
)


class IngressTls(Leaf, frozen=True):
    """Hosts that are spoken to by TLS."""

    hosts: tuple[str, ...] = ()


class IngressSpec(Leaf, frozen=True):
    """What an Ingress leads to, as far as it speaks TLS."""

    tls: tuple[IngressTls, ...] = ()


class IngressAddress(Leaf, frozen=True):
    """Where a controller serves it."""

    ip: str = ""
    hostname: str = ""


class IngressLoadBalancer(Leaf, frozen=True):
    """Every place where it is served."""

    ingress: tuple[IngressAddress, ...] = ()


class IngressStatus(Leaf, frozen=True):
    """What has become of it."""

    load_balancer: IngressLoadBalancer = IngressLoadBalancer()


class Ingress(KubeObject, frozen=True, kw_only=True):
    """A way in from outside."""

    spec: IngressSpec = IngressSpec()
    status: IngressStatus = IngressStatus()

    @property
    def address(self) -> str:
        """Return where it is served first; empty before it is."""
        return next((each.ip or each.hostname for each in self.status.load_balancer.ingress), "")

    @property
    def tls_hosts(self) -> tuple[str, ...]:
        """Return the hosts that are spoken to by TLS, once each."""
        return tuple(dict.fromkeys(host for each in self.spec.tls for host in each.hosts if host))


INGRESSES: Resource[Ingress] = Resource("networking.k8s.io", "v1", "ingresses", "Ingress", Ingress)
