"""What others ask: can A reach B, is an application reached by those it declares, can pods have names resolved.

All are pure functions of a `World`, so a command, a diagnosis and a rehearsal ask the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.crds.appservice import NAME_LABEL, TEAM_LABEL, AppService
from kubewright.api.crds.appservice.network import Peer
from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.reach.answers import Answer, Question, Reached, decided
from kubewright.reach.dns import resolves
from kubewright.reach.ends import AddressEnd, network
from kubewright.reach.remedies import with_remedy
from kubewright.reach.services import endpoints, why_empty
from kubewright.reach.sides import OP, Side, of_app, of_pods, side
from kubewright.reach.verdict import Hop, Verdict
from kubewright.reach.world import World

ANY_NAMESPACE = "*"


@dataclass(frozen=True, slots=True)
class CallersReach:
    """Whether those whom one entry of `access.from` names reach the application."""

    caller: str
    """As it is declared: `app cart`, `team blue`."""
    answer: Answer


@dataclass(frozen=True, slots=True)
class AppReached:
    """Whether an application is reached by its declared callers."""

    service: Hop | None
    """What its Service lacks; None for one that leads to pods, and for an application without."""
    callers: tuple[CallersReach, ...]
    absent: tuple[str, ...] = ()
    """Declared callers of whom no pod is there."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is known to stand in anybody's way."""
        return self.service is None and all(
            each.answer.reached in {Reached.YES, Reached.UNKNOWN} for each in self.callers
        )

    @property
    def blockers(self) -> tuple[Hop, ...]:
        """Return every step that refuses, each once: `rule` is the policy's name, `stage` says what sort it is."""
        found = [] if self.service is None else [self.service]
        return tuple(dict.fromkeys([*found, *(hop for each in self.callers for hop in each.answer.blockers)]))


def can_reach(
    source: str,
    destination: str,
    world: World,
    *,
    namespace: str = "default",
    port: int | str | None = None,
    protocol: str | None = None,
    by_name: bool = True,
) -> Answer:
    """Answer whether A reaches B (`sides.side` says how they are written), with what would let it where it does not.

    Raises OpError NOT_FOUND or INVALID for what is not there or not understood.
    """
    caller, called = side(source, namespace, world), side(destination, namespace, world)
    if not caller.ends:
        raise OpError(OP, ErrorKind.NOT_FOUND, source, "it has no pods to call from")
    return with_remedy(decided(Question(caller, called, port, protocol, by_name), world), world)


def app_reached(app: AppService, world: World) -> AppReached:
    """Answer whether an AppService is reached by its declared callers, and which policy or Service is in the way.

    Each entry of `spec.access.from` is answered by itself, from every pod that it names to every endpoint, on the ports
    that it names. An application that declares nobody is asked about its Service alone. Pure; raises nothing.
    """
    target = of_app(app.key, world)
    access = app.spec.access
    callers: list[CallersReach] = []
    absent: list[str] = []
    for peer in access.callers if access is not None else ():
        name, source = _caller(peer, app, world)
        if not source.ends:
            absent.append(name)
            continue
        if target.ends or target.service is not None:
            callers += (CallersReach(name, each) for each in _answers(source, target, peer, app, world))
    return AppReached(_service_hop(target, world), tuple(callers), tuple(absent))


def names_resolved(pods: Iterable[Pod], world: World) -> tuple[tuple[Hop, tuple[Pod, ...]], ...]:
    """Answer whether pods can have names resolved: those that fare alike together, with the step that decides.

    A hop that is REFUSED names the policy that keeps its pods from the cluster's DNS. Pure; raises nothing.
    """
    alike: defaultdict[Hop, list[Pod]] = defaultdict(list)
    for pod in pods:
        alike[resolves(pod, world)].append(pod)
    return tuple((hop, tuple(few)) for hop, few in alike.items())


def _answers(source: Side, target: Side, peer: Peer, app: AppService, world: World) -> Iterator[Answer]:
    declared = {each.port: each for each in app.spec.ports} | {each.name: each for each in app.spec.ports if each.name}
    wanted = [declared[each] for each in peer.ports if each in declared] or list(app.spec.ports)
    for port in wanted:
        number = port.port if target.service is not None else port.target_port or port.port
        yield with_remedy(decided(Question(source, target, number, port.protocol), world), world)


def _service_hop(target: Side, world: World) -> Hop | None:
    service = target.service
    if service is None or service.spec.type == "ExternalName" or "endpointslices" in world.unread:
        return None
    for port in service.spec.ports:
        if not any(endpoints(service, port, world)):
            return Hop("service", Verdict.REFUSED, f"service {service.key}", why_empty(service, port, world))
    return None


def _caller(peer: Peer, app: AppService, world: World) -> tuple[str, Side]:
    if peer.cidr:
        block = network(peer.cidr)
        return f"cidr {peer.cidr}", Side(peer.cidr, (AddressEnd(str(block[0])),) if block is not None else ())
    parts = {"app": peer.app, "team": peer.team, "namespace": peer.namespace}
    name = " ".join(
        [*(f"{key} {value}" for key, value in parts.items() if value), *(f"{k}={v}" for k, v in peer.labels.items())]
    )
    pods = [pod for few in world.pods_of.values() for pod in few if _is_meant(pod, peer, app.key, world)]
    return name, of_pods(name, pods)


def _is_meant(pod: Pod, peer: Peer, app: ObjectKey, world: World) -> bool:
    labels, namespace = pod.metadata.labels, pod.metadata.namespace
    if peer.app and labels.get(NAME_LABEL) != peer.app:
        return False
    if not peer.labels.items() <= labels.items():
        return False
    if peer.team and not peer.namespace:
        # Beyond one's own namespace it is the namespace that says whose it is.
        theirs = world.labels_of_namespaces.get(namespace, {}).get(TEAM_LABEL) == peer.team
        return theirs or (namespace == app.namespace and labels.get(TEAM_LABEL) == peer.team)
    if peer.team and labels.get(TEAM_LABEL) != peer.team:
        return False
    return peer.namespace == ANY_NAMESPACE or namespace == (peer.namespace or app.namespace)
