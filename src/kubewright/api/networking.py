"""The `networking.k8s.io` group, as far as it is read: NetworkPolicies. What they mean is `reach.policies`' to say."""

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
