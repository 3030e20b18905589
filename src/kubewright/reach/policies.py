"""NetworkPolicies: what they do to one connection, and which rule does it.

The semantics are those of the API's documentation (`networking/v1`). A pod that no policy selects for a direction is
not isolated in it; one that several select may do what any rule of any of them lets it. What the documentation leaves
to the network plugin, pods on the host's network, is decided both ways, and is unknown where that makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kubewright.api.core import METADATA_NAME, Pod
from kubewright.api.networking import (
    EGRESS,
    INGRESS,
    NetworkPolicy,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
)
from kubewright.api.selectors import LabelSelector
from kubewright.reach.ends import (
    Connection,
    End,
    Internet,
    NodeEnd,
    PodEnd,
    declared_ports,
    in_block,
    pod_addresses,
)
from kubewright.reach.verdict import Hop, Truth, Verdict, any_of
from kubewright.reach.world import World

Rule = NetworkPolicyIngressRule | NetworkPolicyEgressRule
NAMED_AT_MOST = 5
_HOST_NETWORK = (
    "a pod on the host's network is to some network plugins its node and to others a pod; these differ here: {} and {}"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of a policy, by its place."""

    policy: NetworkPolicy
    direction: str
    number: int
    rule: Rule

    def __str__(self) -> str:
        return f"networkpolicy {self.policy.key} {self.direction.lower()}[{self.number}]"


def isolating(pod: Pod, direction: str, world: World) -> tuple[NetworkPolicy, ...]:
    """Return the policies that select a pod for a direction."""
    found = world.isolation.get((pod.key, direction))
    if found is None:
        found = world.isolation[pod.key, direction] = tuple(
            policy
            for policy in world.policies_of.get(pod.metadata.namespace, ())
            if direction in policy.spec.directions and policy.spec.pod_selector.matches(pod.metadata.labels)
        )
    return found


def judged(connection: Connection, direction: str, world: World) -> Hop:
    """Return what network policies say to a connection where it leaves its source, or where it comes in."""
    subject, other = _sides(connection, direction)
    stage = direction.lower()
    if not isinstance(subject, PodEnd):
        return Hop(stage, Verdict.ALLOWED, detail="NetworkPolicies are about pods")
    pod = subject.pod
    if isinstance(other, PodEnd) and other.pod.key == pod.key:
        return Hop(stage, Verdict.ALLOWED, detail="a pod always reaches itself")
    if pod.spec.node_name and _node_of(other) == pod.spec.node_name:
        return Hop(stage, Verdict.ALLOWED, detail="between a pod and its own node no NetworkPolicy stands")
    if "networkpolicies" in world.unread:
        return Hop(stage, Verdict.UNKNOWN, detail=f"NetworkPolicies were not read: {world.unread['networkpolicies']}")
    hosted = isinstance(other, PodEnd) and other.pod.spec.host_network
    if not pod.spec.host_network and not hosted:
        return _judged(connection, direction, world)
    as_pod = _judged(connection, direction, world)
    as_node = (
        Hop(stage, Verdict.ALLOWED, detail="a pod on the host's network is no NetworkPolicy's")
        if pod.spec.host_network
        else _judged(_with_other(connection, direction, _host_of(other, world)), direction, world)
    )
    return agreed(as_node, as_pod, _HOST_NETWORK)


def agreed(first: Hop, second: Hop, words: str) -> Hop:
    """Return what two readings come to: either where they agree, else that it is not known."""
    if first.verdict is second.verdict:
        return first
    detail = words.format(
        *(f"{each.verdict.value}{f' by {each.rule}' if each.rule else ''}" for each in (first, second))
    )
    return Hop(first.stage, Verdict.UNKNOWN, first.rule or second.rule, detail)


def _sides(connection: Connection, direction: str) -> tuple[End, End]:
    ends = (connection.source, connection.destination)
    return ends if direction == EGRESS else (ends[1], ends[0])


def _with_other(connection: Connection, direction: str, other: End) -> Connection:
    if direction == EGRESS:
        return replace(connection, destination=other)
    return replace(connection, source=other)


def _node_of(end: End) -> str:
    match end:
        case NodeEnd(name, _):
            return name
        case PodEnd(pod) if pod.spec.host_network:
            return pod.spec.node_name
        case _:
            return ""


def _host_of(end: End, world: World) -> End:
    if not isinstance(end, PodEnd):
        return end
    return NodeEnd(end.pod.spec.node_name, pod_addresses(end.pod) or _addresses_of(end.pod.spec.node_name, world))


def _addresses_of(node: str, world: World) -> tuple[str, ...]:
    found = world.node.get(node)
    return found.addresses if found is not None else ()


def _judged(connection: Connection, direction: str, world: World) -> Hop:
    subject, other = _sides(connection, direction)
    stage = direction.lower()
    policies = isolating(subject.pod, direction, world) if isinstance(subject, PodEnd) else ()
    if not policies:
        return Hop(stage, Verdict.ALLOWED, detail=f"no NetworkPolicy isolates it for {stage}")
    unsure: Entry | None = None
    near: list[str] = []
    for entry in entries(policies, direction):
        port = port_matches(entry.rule.ports, connection)
        peer = _peers_match(entry, other, connection, world)
        if port and peer:
            return Hop(stage, Verdict.ALLOWED, str(entry))
        if port and peer is None:
            unsure = unsure or entry
        elif peer:
            near.append(f"{entry} has other ports")
    if unsure is not None:
        return Hop(stage, Verdict.UNKNOWN, str(unsure), _why_unsure(other, world))
    return _refused(policies, direction, near)


def _refused(policies: tuple[NetworkPolicy, ...], direction: str, near: list[str]) -> Hop:
    names = ", ".join(f"networkpolicy {each.key}" for each in policies[:NAMED_AT_MOST])
    if len(policies) > NAMED_AT_MOST:
        names += f" and {len(policies) - NAMED_AT_MOST} more"
    stage, count = direction.lower(), sum(1 for _ in entries(policies, direction))
    detail = f"none of {count} {stage} rules matches" if count else f"there is no {stage} rule at all"
    return Hop(stage, Verdict.REFUSED, names, "; ".join((detail, *near[:1])))


def entries(policies: tuple[NetworkPolicy, ...], direction: str) -> Iterator[Entry]:
    """Yield the rules of policies for a direction."""
    for policy in policies:
        rules = policy.spec.ingress if direction == INGRESS else policy.spec.egress
        for number, rule in enumerate(rules):
            yield Entry(policy, direction, number, rule)


def port_matches(ports: tuple[NetworkPolicyPort, ...], connection: Connection) -> bool:
    """Whether a connection's port is one of a rule's; no ports mean every port of every protocol."""
    return not ports or any(_port_matches(each, connection) for each in ports)


def _port_matches(wanted: NetworkPolicyPort, connection: Connection) -> bool:
    if (wanted.protocol or "TCP") != connection.protocol:
        return False
    match wanted.port:
        case None:
            return True
        case int(first):
            return first <= connection.port <= (wanted.end_port or first)
        case str(name):
            end = connection.destination
            return isinstance(end, PodEnd) and any(
                (each.name, each.protocol, each.container_port) == (name, connection.protocol, connection.port)
                for each in declared_ports(end.pod)
            )


def _peers_match(entry: Entry, other: End, connection: Connection, world: World) -> Truth:
    peers = entry.rule.peers
    if not peers:
        return True
    namespace = entry.policy.metadata.namespace
    return any_of(peer_matches(each, namespace, other, connection.version, world) for each in peers)


def peer_matches(peer: NetworkPolicyPeer, namespace: str, other: End, version: int, world: World) -> Truth:
    """Whether an end is whom a peer of a policy in `namespace` means."""
    if peer.ip_block is not None:
        return in_block(other, version, peer.ip_block.cidr, peer.ip_block.besides)
    if not isinstance(other, PodEnd) or (peer.pod_selector is None and peer.namespace_selector is None):
        return False
    pod = other.pod
    if peer.pod_selector is not None and not peer.pod_selector.matches(pod.metadata.labels):
        return False
    if peer.namespace_selector is None:
        return pod.metadata.namespace == namespace
    return _namespace_matches(peer.namespace_selector, pod.metadata.namespace, world)


def _namespace_matches(selector: LabelSelector, namespace: str, world: World) -> Truth:
    labels = world.labels_of_namespaces.get(namespace)
    if labels is not None:
        return selector.matches(labels)
    keys = {*selector.match_labels, *(each.key for each in selector.match_expressions)}
    if keys <= {METADATA_NAME}:
        return selector.matches({METADATA_NAME: namespace})
    return None


def _why_unsure(other: End, world: World) -> str:
    match other:
        case PodEnd(pod) if not pod_addresses(pod):
            return "the rule has ranges of addresses, and a pod there has none yet"
        case PodEnd(pod) if pod.metadata.namespace not in world.labels_of_namespaces:
            return "the rule goes by labels of a namespace that was not read"
        case Internet():
            return "the rule is about some public addresses only"
        case NodeEnd():
            return "the rule is about some of the node's addresses only"
        case _:
            return "the rule has ranges of addresses, and which address it is is not known"
