"""The API server's proxies to nodes, pods and services, behind which every metric of the twin is.

`ApiServer` calls `Proxies.answer` for `nodes/NAME/proxy/PATH` and its likes, when it has authorised the request. What
cannot be reached is answered as the API server does whose connection was refused.
"""

from __future__ import annotations

from collections.abc import Callable

from kubewright.api.core import Container, Pod, Service
from kubewright.api.discovery import Endpoint, EndpointSlice
from kubewright.api.meta import ObjectKey
from kubewright.api.nodes import KUBELET_PORT
from kubewright.client.transport import Request, Response
from kubewright.twin.caches import BY_SERVICE
from kubewright.twin.exporters.cadvisor import cadvisor
from kubewright.twin.exporters.exposed import Exposed
from kubewright.twin.exporters.kubelet import kubelet, probes, resource
from kubewright.twin.exporters.sources import NodeUse, Sources
from kubewright.twin.exporters.text import CONTENT_TYPE
from kubewright.twin.exporters.volumes import volume_stats
from kubewright.twin.kinds import KindInfo
from kubewright.twin.routes import Route
from kubewright.twin.status import StatusError, bad_request, not_found

_SCHEMES = frozenset({"", "http", "https"})
_KUBELET: dict[str, Callable[[NodeUse], str]] = {
    "metrics": kubelet,
    "metrics/cadvisor": cadvisor,
    "metrics/resource": resource,
    "metrics/probes": probes,
}


class Proxies:
    """Answers for the kubelets and the containers of a twin."""

    def __init__(self, sources: Sources) -> None:
        self.exposed = Exposed(sources)
        self._sources = sources

    def answer(self, kind: KindInfo, route: Route, request: Request) -> Response:
        """Answer a request that is passed on to a node, a pod or a service; raises 400, 404 and 503."""
        name, port = _target(kind, route.name)
        match kind.plural:
            case "nodes":
                answered = self._node(kind, name, port, route.rest)
            case "pods":
                answered = self._pod(kind, ObjectKey(route.namespace, name), port, f"/{route.rest}")
            case _:
                answered = self._service(kind, ObjectKey(route.namespace, name), port, f"/{route.rest}")
        if request.method not in {"GET", "HEAD"}:
            return _plain("Method Not Allowed\n", 405)
        return answered

    def _node(self, kind: KindInfo, name: str, port: str, path: str) -> Response:
        node = self._sources.node(name)
        if node is None:
            raise not_found(kind, name)
        if port not in {"", str(KUBELET_PORT)} or not self._sources.reachable(name):
            raise _refused(node.internal_ip, port or str(KUBELET_PORT))
        if path == "healthz":
            return _plain("ok")
        write = _KUBELET.get(path)
        if write is None:
            return _plain("404 page not found\n", 404)
        use = self._sources.use_of(node)
        volumes = volume_stats(self._sources, use) if path == "metrics" else ""
        return _metrics(write(use) + volumes)

    def _pod(self, kind: KindInfo, key: ObjectKey, port: str, path: str) -> Response:
        pod = self._sources.pod(key.namespace, key.name)
        if pod is None:
            raise not_found(kind, key.name)
        if not pod.status.pod_ip:
            raise bad_request("address not allowed")
        return self._reach(pod, port or _first_port(pod), path)

    def _reach(self, pod: Pod, port: str, path: str) -> Response:
        running = {each.container: each for each in self._sources.ledger.readings(pod)}
        container = _listener(pod, port)
        if container is None or container.name not in running or not self._sources.reachable(pod.spec.node_name):
            raise _refused(pod.status.pod_ip, port or "80")
        number = int(port) if port else 0
        content = self.exposed.metrics(pod, container, running[container.name], number, path)
        return _plain("404 page not found\n", 404) if content is None else _metrics(content)

    def _service(self, kind: KindInfo, key: ObjectKey, port: str, path: str) -> Response:
        service = self._sources.caches.services.index.get(key)
        if service is None:
            raise not_found(kind, key.name)
        wanted = _port_name(service, port)
        slices = sorted(
            self._sources.caches.endpoint_slices.index.by(BY_SERVICE, (key.namespace, key.name)),
            key=lambda each: each.key,
        )
        for piece in slices:
            number = _numbered(piece, wanted)
            for endpoint in piece.endpoints or ():
                pod = self._behind(key.namespace, endpoint)
                if number is not None and pod is not None:
                    return self._reach(pod, str(number), path)
        raise _unavailable(f'no endpoints available for service "{key.name}"')

    def _behind(self, namespace: str, endpoint: Endpoint) -> Pod | None:
        if endpoint.conditions.ready is False or endpoint.target_ref is None or endpoint.target_ref.kind != "Pod":
            return None
        return self._sources.pod(namespace, endpoint.target_ref.name)


def _target(kind: KindInfo, text: str) -> tuple[str, str]:
    """Split `name`, `name:port` or `scheme:name:port`."""
    match text.split(":"):
        case [name] if name:
            return name, ""
        case [name, port] if name:
            return name, port
        case [scheme, name, port] if name and scheme in _SCHEMES:
            return name, port
        case _:
            raise bad_request(f'invalid {kind.singular or kind.plural} request "{text}"')


def _first_port(pod: Pod) -> str:
    ports = (port.container_port for each in pod.spec.containers for port in each.ports)
    return str(next(ports, ""))


def _listener(pod: Pod, port: str) -> Container | None:
    """Return the container at a port: whose port it is, else the first that names none and so may listen anywhere."""
    if port and not (port.isascii() and port.isdigit()):
        return None
    containers = pod.spec.containers
    declared = (each for each in containers if any(str(one.container_port) == port for one in each.ports))
    return next(declared, next((each for each in containers if not each.ports), None))


def _port_name(service: Service, port: str) -> str:
    """Return the name of the service's port that a request means; raises 503 when it has no such number."""
    if port.isascii() and port.isdigit():
        found = next((each for each in service.spec.ports if each.port == int(port)), None)
        if found is None:
            raise _unavailable(f'no service port {port} found for service "{service.metadata.name}"')
        return found.name
    return port or (service.spec.ports[0].name if service.spec.ports else "")


def _numbered(piece: EndpointSlice, name: str) -> int | None:
    return next((each.port for each in piece.ports or () if (each.name or "") == name), None)


def _refused(address: str, port: str) -> StatusError:
    return _unavailable(f"error trying to reach service: dial tcp {address}:{port}: connect: connection refused")


def _unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def _plain(text: str, status: int = 200) -> Response:
    return Response(status, {"content-type": "text/plain; charset=utf-8"}, text.encode())


def _metrics(text: str) -> Response:
    return Response(200, {"content-type": CONTENT_TYPE}, text.encode())
