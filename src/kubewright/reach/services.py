"""What a Service makes of a connection: the endpoints that it may come out at, or why there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubewright.api.core import Pod, Service, ServicePort
from kubewright.api.discovery import Endpoint, EndpointSlice
from kubewright.api.meta import ObjectKey
from kubewright.api.selectors import selector_of
from kubewright.reach.ends import IPV4, IPV6, AddressEnd, End, Host, Internet, NodeEnd, PodEnd, declared_ports
from kubewright.reach.verdict import Hop, Verdict
from kubewright.reach.world import World

HEADLESS = "None"
EXTERNAL_NAME = "ExternalName"
LOCAL = "Local"
NAMED_AT_MOST = 3
_VERSIONS = {"IPv4": IPV4, "IPv6": IPV6}


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a connection comes out."""

    end: End
    port: int
    version: int = IPV4
    node: str = ""


@dataclass(frozen=True, slots=True)
class Front:
    """What a service does: a step, and where one goes from there."""

    hop: Hop
    backends: tuple[Backend, ...] = ()
    rewrites_source: bool = False
    """Whether the other side may see a node's address in place of the caller's."""


def port_of(service: Service, wanted: int | str, protocol: str) -> ServicePort | None:
    """Return a service's port by its number or name."""
    return next(
        (each for each in service.spec.ports if wanted in {each.port, each.name} and each.protocol == protocol), None
    )


def front(service: Service, wanted: int | str, protocol: str, source: End, world: World) -> Front:
    """Return what a service does to a connection to one of its ports from `source`."""
    name = f"service {service.key}"
    if service.spec.type == EXTERNAL_NAME:
        return _external(service, wanted, name)
    if "endpointslices" in world.unread:
        return Front(Hop("service", Verdict.UNKNOWN, name, f"not read: {world.unread['endpointslices']}"))
    if service.spec.cluster_ip == HEADLESS:
        return _headless(service, wanted, protocol, name, world)
    port = port_of(service, wanted, protocol)
    if port is None:
        return Front(Hop("service", Verdict.REFUSED, name, f"it has no port {wanted}/{protocol}: {_ports(service)}"))
    outside = isinstance(source, AddressEnd | Internet | Host)
    if outside and service.spec.type == "ClusterIP" and not service.spec.external_ips:
        return Front(Hop("service", Verdict.REFUSED, name, "a ClusterIP has no address outside of the cluster"))
    return led(service, port, world, _node(source), outside=outside)


def led(service: Service, port: ServicePort, world: World, node: str, *, outside: bool) -> Front:
    """Return the endpoints of a service's port for traffic that comes in at a node; an empty one is not known."""
    name = f"service {service.key}"
    found = tuple(endpoints(service, port, world))
    if not found:
        return Front(Hop("service", Verdict.REFUSED, name, why_empty(service, port, world)))
    policy = service.spec.external_traffic_policy if outside else service.spec.internal_traffic_policy
    if policy == LOCAL and node:
        found = tuple(each for each in found if each.node == node)
        if not found:
            field = "externalTrafficPolicy" if outside else "internalTrafficPolicy"
            return Front(Hop("service", Verdict.REFUSED, name, f"{field} is Local, and no endpoint is on that node"))
    detail = f"port {port.port}/{port.protocol} leads to {_targets(found)}"
    return Front(Hop("service", Verdict.ALLOWED, name, detail), found, outside and policy != LOCAL)


def endpoints(service: Service, port: ServicePort, world: World) -> Iterator[Backend]:
    """Yield the endpoints that take traffic: those that are ready or, if none is, those that end and still serve."""
    listed = [
        (piece, number, endpoint)
        for piece in world.slices_of.get(service.key, ())
        if (number := _number(piece, port)) is not None
        for endpoint in piece.endpoints or ()
    ]
    ready = [each for each in listed if _is_ready(each[2])]
    ending = [each for each in listed if each[2].conditions.terminating and each[2].conditions.serving is not False]
    found = (each for piece, number, endpoint in ready or ending for each in backends(endpoint, piece, number, world))
    # One endpoint may stand in several slices for a while.
    yield from {(str(each.end), each.port, each.version): each for each in found}.values()


def backends(endpoint: Endpoint, piece: EndpointSlice, number: int, world: World) -> Iterator[Backend]:
    """Yield where one endpoint of a slice is, by its first address: the others are the same one's."""
    version = _VERSIONS.get(piece.address_type)
    target = endpoint.target_ref
    for address in endpoint.addresses[:1]:
        if version is None:
            yield Backend(Host(address), number, IPV4, endpoint.node_name or "")
            continue
        end = world.at(address)
        if target is not None and target.kind == "Pod":
            pod = world.pod.get(ObjectKey(piece.metadata.namespace, target.name))
            end = PodEnd(pod) if pod is not None else end
        yield Backend(end, number, version, endpoint.node_name or "")


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions.ready is not False


def _number(piece: EndpointSlice, port: ServicePort) -> int | None:
    for each in piece.ports or ():
        if (each.name or "") == port.name and each.protocol == port.protocol:
            return each.port
    return None


def _headless(service: Service, wanted: int | str, protocol: str, name: str, world: World) -> Front:
    """Of a headless service only the name leads to its pods: ports are the pods' own, and nothing maps them."""
    named = port_of(service, wanted, protocol)
    number = wanted if isinstance(wanted, int) else None
    found: list[Backend] = []
    for piece in world.slices_of.get(service.key, ()):
        for endpoint in piece.endpoints or ():
            port = number if number is not None else _number(piece, named) if named is not None else None
            if _is_ready(endpoint) and port is not None:
                found += backends(endpoint, piece, port, world)
    if not found and named is None and number is None:
        return Front(Hop("service", Verdict.REFUSED, name, f"it has no port {wanted}/{protocol}: {_ports(service)}"))
    if not found:
        return Front(Hop("service", Verdict.REFUSED, name, why_empty(service, named, world)))
    detail = f"headless: its name leads to {_targets(found)}"
    if named is not None and number is not None and named.target_port not in {0, number, named.name}:
        detail += f"; a headless service maps no ports, so targetPort {named.target_port} is not heeded"
        return Front(Hop("service", Verdict.WARNED, name, detail), tuple(found))
    return Front(Hop("service", Verdict.ALLOWED, name, detail), tuple(found))


def _external(service: Service, wanted: int | str, name: str) -> Front:
    host = service.spec.external_name
    if isinstance(wanted, str):
        return Front(Hop("service", Verdict.REFUSED, name, f"an ExternalName has no ports: say a number, not {wanted}"))
    detail = f"it is another name of {host}, whose addresses are not known here"
    return Front(Hop("service", Verdict.WARNED, name, detail), (Backend(Host(host), wanted),))


def why_empty(service: Service, port: ServicePort | None, world: World) -> str:
    """Say why a service leads nowhere."""
    if not service.spec.selector:
        return "it has no selector, and no EndpointSlice has an endpoint for it that is ready"
    pods = selected(service, world)
    if not pods:
        return f"its selector {selector_of(service.spec.selector)} matches no pod"
    if port is not None and isinstance(port.target_port, str):
        has = [pod for pod in pods if any(each.name == port.target_port for each in declared_ports(pod))]
        if not has:
            return f"no pod that it selects declares a port named {port.target_port}"
    unready = [pod for pod in pods if not pod.is_ready]
    if len(unready) == len(pods):
        shown = ", ".join(f"{pod.key} {pod.status.phase}" for pod in unready[:NAMED_AT_MOST])
        return f"none of its {len(pods)} pods is ready: {shown}"
    return "it has pods that are ready, and no EndpointSlice names them yet"


def selected(service: Service, world: World) -> list[Pod]:
    """Return the pods that a service's selector matches; none for one without a selector."""
    wanted = service.spec.selector.items()
    if not wanted:
        return []
    here = world.pods_of.get(service.metadata.namespace, ())
    return [pod for pod in here if wanted <= pod.metadata.labels.items()]


def _ports(service: Service) -> str:
    listed = (f"{each.name} {each.port}/{each.protocol}".strip() for each in service.spec.ports)
    return ", ".join(listed) or "it has none"


def _targets(found: Iterable[Backend]) -> str:
    listed = list(found)
    ports = ", ".join(str(each) for each in sorted({each.port for each in listed}))
    return f"{len(listed)} endpoint{'s' if len(listed) != 1 else ''} on port {ports}"


def _node(source: End) -> str:
    match source:
        case PodEnd(pod):
            return pod.spec.node_name
        case NodeEnd(name, _):
            return name
        case _:
            return ""
