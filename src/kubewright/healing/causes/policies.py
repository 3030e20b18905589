"""Causes by NetworkPolicies and names. Pure."""

from __future__ import annotations

import itertools

from kubewright.api.core import NAMESPACES, PODS, Pod
from kubewright.api.networking import INGRESS, NETWORK_POLICIES, NetworkPolicy
from kubewright.healing.causes.telling import finding, fleet_of, names_of, pods_in
from kubewright.healing.finding import Case, Cause, Finding, Level, Remedy, Safety
from kubewright.healing.remedies.changes import take_back
from kubewright.healing.remedies.pods import RECREATE
from kubewright.healing.remedies.releases import LEAVE_TO_KEEPER
from kubewright.reach.ends import Connection, PodEnd, declared_ports
from kubewright.reach.policies import judged
from kubewright.reach.verdict import Verdict
from kubewright.reach.world import World
from kubewright.signals.signal import Fault

_DNS_NAMES = frozenset({"kube-dns", "coredns"})
_CALLERS = 20
"""So many pods are asked whether they still reach the others."""

_NOBODY = 0

LIFT = Remedy("take the policy back", Safety.DATA, take_back, within_seconds=60.0)
"""It may be there for safety's sake: only by a person's word."""


def _blocks(case: Case) -> Finding | None:
    """A policy that is new, or was changed, keeps everybody of the namespace from pods that somebody reached before."""
    policy = case.seen.get(NETWORK_POLICIES, case.about.key)
    changed = case.seen.changes.of(NETWORK_POLICIES, case.about.key)
    if policy is None or changed is None or INGRESS not in policy.spec.directions:
        return None
    pods = [pod for pod in case.seen.within(PODS, case.about.key.namespace) if pod.is_ready]
    chosen = [pod for pod in pods if policy.spec.pod_selector.matches(pod.metadata.labels)]
    others = (pod for pod in pods if not policy.spec.pod_selector.matches(pod.metadata.labels))
    callers = list(itertools.islice(others, _CALLERS))
    if not chosen or not callers or _any_reaches(case, callers, chosen, None) != _NOBODY:
        return None
    port = _any_reaches(case, callers, chosen, policy)
    if port == _NOBODY:
        return None
    said = f"no pod of the namespace reaches {names_of(chosen[:3])} on port {port} any more, and some did without it"
    return finding(case, "NetworkPolicyBlocks", case.of(Fault.CHANGED), said, changedAt=str(changed.at))


def _any_reaches(case: Case, callers: list[Pod], chosen: list[Pod], without: NetworkPolicy | None) -> int:
    """Return a port of the chosen pods on which a caller reaches one of them."""
    ports = [(pod, port) for pod in chosen for port in declared_ports(pod)]
    world = _world(case, without)
    for pod, port in ports:
        for caller in callers:
            connection = Connection(PodEnd(caller), PodEnd(pod), port.container_port, port.protocol)
            if judged(connection, INGRESS, world).verdict is Verdict.ALLOWED:
                return port.container_port
    return _NOBODY


def _world(case: Case, without: NetworkPolicy | None) -> World:
    namespace = case.about.key.namespace
    policies = case.seen.within(NETWORK_POLICIES, namespace)
    return World(
        pods=tuple(case.seen.within(PODS, namespace)),
        namespaces=tuple(case.seen.all(NAMESPACES).values()),
        policies=tuple(each for each in policies if without is None or each.key != without.key),
    )


def _names_fail(case: Case) -> Finding | None:
    """The pods that resolve names are ill, and so everybody's calls will be."""
    fleet = fleet_of(case)
    if fleet is None or fleet.metadata.labels.get("k8s-app") not in _DNS_NAMES:
        return None
    signals = case.of(Fault.CRASH_LOOP, Fault.NOT_READY, Fault.CANNOT_START, Fault.OUT_OF_MEMORY, Fault.REQUESTS_FAIL)
    if not signals:
        return None
    return finding(
        case, "DnsFailure", signals, "these pods resolve everybody's names", pods=names_of(pods_in(case, signals))
    )


CAUSES = (
    Cause(
        "NetworkPolicyBlocks",
        Level.SHARED,
        "a NetworkPolicy that is new or was changed lets nobody reach an application",
        frozenset({Fault.CHANGED}),
        _blocks,
        (LIFT,),
        ("SREGym network_policy_block",),
    ),
    Cause(
        "DnsFailure",
        Level.WORKLOAD,
        "the pods that resolve the cluster's names are ill",
        frozenset({Fault.CRASH_LOOP, Fault.NOT_READY, Fault.CANNOT_START, Fault.OUT_OF_MEMORY, Fault.REQUESTS_FAIL}),
        _names_fail,
        (LEAVE_TO_KEEPER, RECREATE),
        ("SREGym service_dns_resolution_failure", "SREGym stale_coredns_config", "Chaos Mesh DNSChaos"),
    ),
)
