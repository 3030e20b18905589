"""The steps of one connection, from a source to wherever it may come out, each judged, whatever came before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kubewright.api.core import Pod, Service, ServicePort
from kubewright.api.networking import EGRESS, INGRESS
from kubewright.reach import istio, linkerd
from kubewright.reach.dns import resolves
from kubewright.reach.ends import (
    AddressEnd,
    Connection,
    End,
    Host,
    Internet,
    NodeEnd,
    PodEnd,
    declared_ports,
    first_version,
    pod_addresses,
)
from kubewright.reach.policies import agreed, judged
from kubewright.reach.services import Backend, front, led
from kubewright.reach.verdict import Hop, Verdict
from kubewright.reach.world import World

RUNNING = "Running"
_KUBELET = 10250
_SOME_NODE = Host("some node")
_REWRITTEN = "whom the pod sees, the caller or a node, depends on the service's network: {} and {}"
_TWICE = "node ports are turned into pods' before or after policies are asked, by the network plugin: {} and {}"


@dataclass(frozen=True, slots=True)
class Way:
    """From one end to another by one port, and what happens on the way."""

    source: End
    destination: End | None
    """None where a service leads nowhere."""
    port: int | str
    """As it was asked for."""
    protocol: str
    hops: tuple[Hop, ...]
    arrival: int | None = None
    """The port at the destination, once a service has mapped it."""


@dataclass(frozen=True, slots=True)
class _Lane:
    """A connection, and what it may look like besides."""

    connection: Connection
    before: Connection | None = None
    """As it leaves its source, where a node port is asked."""
    seen_as: End | None = None
    """Whom the destination may take its source for."""


def to_service(
    source: End, service: Service, port: int | str, protocol: str, world: World, *, by_name: bool
) -> Iterator[Way]:
    """Yield the ways to each endpoint of a service, asked by its name or by its address."""
    before = [_source_hop(source)]
    if by_name and isinstance(source, PodEnd):
        before.append(resolves(source.pod, world))
    found = front(service, port, protocol, source, world)
    before.append(found.hop)
    if not found.backends:
        yield Way(source, None, port, protocol, _told(before))
    for each in found.backends:
        connection = _connection(source, each, protocol)
        lane = _Lane(connection, seen_as=_SOME_NODE if found.rewrites_source else None)
        yield Way(source, each.end, port, protocol, _told((*before, *_crossing(lane, world))), each.port)


def to_end(source: End, end: End, port: int, protocol: str, world: World) -> Iterator[Way]:
    """Yield the ways to an end that is addressed itself; on a node they may lead on to a service's endpoints."""
    if isinstance(end, NodeEnd) and (held := _node_port(port, protocol, world)) is not None:
        yield from _by_node_port(source, end, *held, world)
        return
    version = first_version(source if isinstance(end, Internet | Host) else end)
    connection = Connection(source, end, port, protocol, version)
    hops = (_source_hop(source, end), *_crossing(_Lane(connection), world))
    yield Way(source, end, port, protocol, _told(hops), port)


def _by_node_port(source: End, node: NodeEnd, service: Service, held: ServicePort, world: World) -> Iterator[Way]:
    port, protocol = held.node_port, held.protocol
    inside = isinstance(source, PodEnd) and source.pod.spec.node_name == node.name
    found = led(service, held, world, "" if inside else node.name, outside=True)
    before = (_source_hop(source), found.hop)
    if not found.backends:
        yield Way(source, None, port, protocol, _told(before))
    for each in found.backends:
        entered = Connection(source, node, port, protocol, first_version(node))
        lane = _Lane(_connection(source, each, protocol), entered, node if found.rewrites_source else None)
        yield Way(source, each.end, port, protocol, _told((*before, *_crossing(lane, world))), each.port)


def _node_port(port: int, protocol: str, world: World) -> tuple[Service, ServicePort] | None:
    for service in world.services:
        for held in service.spec.ports:
            if (held.node_port, held.protocol) == (port, protocol):
                return service, held
    return None


def _connection(source: End, backend: Backend, protocol: str) -> Connection:
    return Connection(source, backend.end, backend.port, protocol, backend.version)


def _told(hops: Iterator[Hop] | list[Hop | None] | tuple[Hop | None, ...]) -> tuple[Hop, ...]:
    return tuple(hop for hop in hops if hop is not None)


def _crossing(lane: _Lane, world: World) -> Iterator[Hop | None]:
    connection = lane.connection
    wire = istio.on_the_wire(connection, world)
    out, into = judged(wire, EGRESS, world), judged(wire, INGRESS, world)
    if lane.before is not None:
        out = agreed(out, judged(lane.before, EGRESS, world), _TWICE)
    if lane.seen_as is not None:
        into = agreed(into, judged(replace(connection, source=lane.seen_as), INGRESS, world), _REWRITTEN)
    yield out if isinstance(connection.source, PodEnd) else None
    yield into if isinstance(connection.destination, PodEnd) else None
    yield _foreign(connection, world)
    yield istio.judged(connection, world)
    yield linkerd.judged(connection, world)
    yield _destination_hop(connection)


def _foreign(connection: Connection, world: World) -> Hop | None:
    """Name the policies of other kinds that may have a say: they may refuse what these allow, and the reverse."""
    ends = (connection.source, connection.destination)
    namespaces = {"", *(each.pod.metadata.namespace for each in ends if isinstance(each, PodEnd))}
    found = [str(each) for each in world.foreign if each.key.namespace in namespaces]
    found += [f"{each} (not read)" for each in world.foreign_unread]
    if not found:
        return None
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")  # noqa: PLR2004  a few
    return Hop("other policies", Verdict.UNKNOWN, shown, "policies of this kind are not looked at")


def _source_hop(source: End, destination: End | None = None) -> Hop | None:
    match source:
        case PodEnd(pod):
            return _runs("source", pod) or Hop("source", Verdict.ALLOWED, detail="runs")
        case AddressEnd() | Internet() | Host() if isinstance(destination, PodEnd):
            detail = "from outside, and whether a pod's address is routed there is not known here"
            return Hop("source", Verdict.WARNED, detail=detail)
        case _:
            return None


def _destination_hop(connection: Connection) -> Hop:
    stage, port = "destination", f"{connection.port}/{connection.protocol}"
    match connection.destination:
        case PodEnd(pod):
            if (down := _runs(stage, pod)) is not None:
                return down
            if not pod.is_ready:
                return Hop(stage, Verdict.WARNED, detail="it is not ready")
            declared = {(each.container_port, each.protocol) for each in declared_ports(pod)}
            if (connection.port, connection.protocol) not in declared:
                return Hop(stage, Verdict.WARNED, detail=f"no container declares {port}; one may listen all the same")
            return Hop(stage, Verdict.ALLOWED, detail=f"is ready and declares {port}")
        case NodeEnd():
            what = "the kubelet's port" if connection.port == _KUBELET else f"whether it listens on {port} is not known"
            return Hop(stage, Verdict.WARNED, detail=what)
        case _:
            return Hop(stage, Verdict.WARNED, detail="outside of the cluster: what stands there is not known here")


def _runs(stage: str, pod: Pod) -> Hop | None:
    """Say what is wrong with a pod that cannot have connections, or soon will not."""
    if pod.status.phase != RUNNING or not pod_addresses(pod):
        said = f"phase {pod.status.phase}" if pod.status.phase != RUNNING else "it has no address"
        return Hop(stage, Verdict.REFUSED, detail=f"it does not run: {said}")
    return Hop(stage, Verdict.WARNED, detail="it is being deleted") if pod.is_terminating else None
