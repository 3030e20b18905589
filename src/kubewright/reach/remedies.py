"""What would open the ways that are refused: the smallest additions, each tried on the world before it is told.

An addition is a NetworkPolicy of its own: policies add up, so none that is there has to be changed. It must not select
a pod that was not isolated before, as it would then isolate it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kubewright.api.core import Pod
from kubewright.api.meshes import AuthorizationPolicy
from kubewright.api.meta import Manifest
from kubewright.api.networking import EGRESS, INGRESS, NETWORK_POLICIES, NetworkPolicy
from kubewright.reach import dns, istio
from kubewright.reach.answers import Answer, Route, decided
from kubewright.reach.ends import AddressEnd, Connection, End, NodeEnd, PodEnd, first_version, pod_addresses
from kubewright.reach.meshremedies import allowances
from kubewright.reach.policies import isolating, judged
from kubewright.reach.selecting import chosen, free_name, peers_of
from kubewright.reach.verdict import Hop, Verdict
from kubewright.reach.world import World

_POLICIES = frozenset({EGRESS.lower(), INGRESS.lower(), dns.STAGE})
_EVERYWHERE = ({"ipBlock": {"cidr": "0.0.0.0/0"}},)


@dataclass(frozen=True, slots=True)
class _Need:
    """A connection that a pod is to be let have, in one direction."""

    direction: str
    pod: Pod
    other: End
    port: int
    protocol: str

    @property
    def key(self) -> tuple[object, ...]:
        """Return what tells it from others."""
        return self.direction, self.pod.key, str(self.other), self.port, self.protocol


def with_remedy(answer: Answer, world: World) -> Answer:
    """Return the answer with what would open its refused ways, and with what no addition would mend."""
    refused = [route for route in answer.routes if route.verdict is Verdict.REFUSED]
    if not refused:
        return answer
    needs = list({need.key: need for need in _needs(refused, world)}.values())
    manifests, problems = _additions(needs, answer, world)
    calls = [each for route in refused if istio.STAGE in _refusing(route) for each in _connections(route)]
    allowed = allowances(calls, f"allow-from-{answer.question.source.name}", world)
    if problems or not (manifests or allowed):
        return replace(answer, unmended=(*problems, *map(_words, answer.blockers)))
    left = decided(answer.question, _with(world, manifests, allowed)).blockers
    if any(hop.stage in _POLICIES for hop in left):
        return replace(answer, unmended=tuple(map(_words, left)))
    kept = [] if any(hop.stage == istio.STAGE for hop in left) else allowed
    return replace(answer, remedy=(*manifests, *kept), unmended=tuple(map(_words, left)))


def _with(world: World, policies: Iterable[Manifest], allowed: Iterable[Manifest]) -> World:
    more = tuple(msgspec.convert(each, NetworkPolicy) for each in policies)
    mesh = tuple(msgspec.convert(each, AuthorizationPolicy) for each in allowed)
    return replace(world, policies=(*world.policies, *more), istio_policies=(*world.istio_policies, *mesh))


def _words(hop: Hop) -> str:
    return f"{hop.stage}: {hop.rule}: {hop.detail}" if hop.rule else f"{hop.stage}: {hop.detail}"


def _refusing(route: Route) -> set[str]:
    return {hop.stage for hop in route.hops if hop.verdict is Verdict.REFUSED}


def _connections(route: Route) -> Iterator[Connection]:
    for source, end in route.pairs:
        if end is not None and route.arrival is not None:
            yield Connection(source, end, route.arrival, route.protocol, first_version(end))


def _needs(routes: Iterable[Route], world: World) -> Iterator[_Need]:
    service = dns.dns_service(world)
    for route in routes:
        stages = _refusing(route)
        for source, _ in route.pairs if dns.STAGE in stages else ():
            if service is not None and isinstance(source, PodEnd):
                for protocol in ("UDP", "TCP"):
                    for asked in dns.questions(source.pod, service, protocol, world):
                        yield from _refusals(asked, world)
        for called in _connections(route) if stages & _POLICIES else ():
            yield from _refusals(istio.on_the_wire(called, world), world)


def _refusals(connection: Connection, world: World) -> Iterator[_Need]:
    sides = ((EGRESS, connection.source, connection.destination), (INGRESS, connection.destination, connection.source))
    for direction, subject, other in sides:
        if isinstance(subject, PodEnd) and judged(connection, direction, world).verdict is Verdict.REFUSED:
            yield _Need(direction, subject.pod, other, connection.port, connection.protocol)


def _additions(needs: Sequence[_Need], answer: Answer, world: World) -> tuple[list[Manifest], list[str]]:
    grouped: defaultdict[tuple[str, str], list[_Need]] = defaultdict(list)
    for need in needs:
        grouped[need.direction, need.pod.metadata.namespace].append(need)
    made: list[Manifest] = []
    problems: list[str] = []
    for (direction, namespace), few in grouped.items():
        selector = _selector(few, world)
        if selector is None:
            problems.append(f"{direction.lower()}: no labels tell its pods from others that no policy isolates")
            continue
        way, called = ("to", answer.question.destination) if direction == EGRESS else ("from", answer.question.source)
        taken = (each.metadata.name for each in world.policies_of.get(namespace, ()))
        name = free_name(f"allow-{way}-{called.name}", taken)
        made.append(_policy(name, way, selector, few, world))
    return made, problems


def _selector(needs: Sequence[_Need], world: World) -> dict[str, Any] | None:
    """Return labels of the pods that are to be let through, which select none that is not isolated yet."""
    pods = list({need.pod.key: need.pod for need in needs}.values())
    direction = needs[0].direction
    labels = chosen(pods, world)
    narrower = [isolating(pod, direction, world)[0].spec.pod_selector for pod in pods]
    first = msgspec.to_builtins(narrower[0])
    both = {**first, "matchLabels": {**first.get("matchLabels", {}), **labels}}
    for manifest in ({"matchLabels": labels} if labels else {}, both if len(set(map(str, narrower))) == 1 else first):
        policy = msgspec.convert({"spec": {"podSelector": _present(manifest)}}, NetworkPolicy)
        hit = [
            pod
            for pod in world.pods_of[pods[0].metadata.namespace]
            if policy.spec.pod_selector.matches(pod.metadata.labels)
        ]
        if all(isolating(pod, direction, world) for pod in hit) and {pod.key for pod in pods} <= {p.key for p in hit}:
            return _present(manifest)
    return None


def _present(selector: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in selector.items() if value}


def _policy(name: str, way: str, selector: dict[str, Any], needs: Sequence[_Need], world: World) -> Manifest:
    direction, namespace = needs[0].direction, needs[0].pod.metadata.namespace
    by_port: defaultdict[tuple[int, str], list[End]] = defaultdict(list)
    for need in needs:
        by_port[need.port, need.protocol].append(need.other)
    rules: dict[str, tuple[list[Manifest], list[Manifest]]] = {}
    for (port, protocol), others in by_port.items():
        peers = _peers(others, namespace, world)
        rules.setdefault(str(peers), (peers, []))[1].append({"protocol": protocol, "port": port})
    return {
        "apiVersion": NETWORK_POLICIES.api_version,
        "kind": NETWORK_POLICIES.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": selector,
            "policyTypes": [direction],
            direction.lower(): [{way: peers, "ports": listed} for peers, listed in rules.values()],
        },
    }


def _peers(others: Iterable[End], namespace: str, world: World) -> list[Manifest]:
    pods: dict[Any, Pod] = {}
    blocks: dict[str, None] = {}
    for end in others:
        match end:
            case PodEnd(pod) if not pod.spec.host_network:
                pods[pod.key] = pod
            case PodEnd(pod):
                blocks |= dict.fromkeys(pod_addresses(pod))
            case NodeEnd(_, listed):
                blocks |= dict.fromkeys(listed)
            case AddressEnd(address):
                blocks[address] = None
            case _:
                return list(_EVERYWHERE)
    found = peers_of(list(pods.values()), namespace, world)
    return [*found, *({"ipBlock": {"cidr": f"{each}/{128 if ':' in each else 32}"}} for each in blocks)]
