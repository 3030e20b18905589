"""The two sides of a question as they are written, and what they are in a world: pods, nodes, addresses, services."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from kubewright.api.core import PODS, Pod, Service
from kubewright.api.crds.appservice import APP_SERVICES, NAME_LABEL
from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.explain.targets import KIND_NAMES, kind_with_pods, pods_under
from kubewright.reach.ends import AddressEnd, End, Host, Internet, PodEnd, parsed
from kubewright.reach.services import selected
from kubewright.reach.ways import RUNNING
from kubewright.reach.world import World

OP = "net"
INTERNET = "internet"
_SERVICE = ("service", "services", "svc")
_NAMESPACE = ("namespace", "namespaces", "ns")
_NODE = ("node", "nodes", "no")
_SERVICE_NAME = re.compile(r"(?P<name>[^.]+)\.(?P<namespace>[^.]+)\.svc(\.cluster\.local)?\.?")
_PARTS_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a question."""

    name: str
    """`shop/deployment/web`."""
    ends: tuple[End, ...] = ()
    service: Service | None = None
    """What is called, where it is a service; `ends` are then its pods."""
    notes: tuple[str, ...] = ()
    by_address: bool = False
    """Whether the service was named by its address."""


def side(text: str, namespace: str, world: World) -> Side:
    """Find what a text names: `[NAMESPACE/]KIND/NAME`, a pod's name, an address, a host's name, or `internet`.

    Raises OpError: INVALID for a text that names nothing, NOT_FOUND for what the world does not have.
    """
    if text == INTERNET:
        return Side(INTERNET, (Internet(),))
    if (address := parsed(text)) is not None:
        if (service := world.service_at.get(f"{address}")) is not None:
            named = of_service(service, world)
            return replace(named, notes=(f"{text} is {named.name}",), by_address=True)
        end = world.at(text)
        return Side(text, (end,), notes=() if isinstance(end, AddressEnd) else (f"{text} is {end}",))
    parts = text.split("/")
    if len(parts) > _PARTS_AT_MOST or not all(parts):
        raise OpError(OP, ErrorKind.INVALID, text, _expected())
    if len(parts) == 1:
        return _bare(text, namespace, world)
    *before, kind, name = parts
    return _named(kind.lower(), ObjectKey(before[0] if before else namespace, name), text, world)


def namespaces_in(texts: Iterable[str], namespace: str) -> tuple[str, ...]:
    """Return the namespaces that the sides of a question are in, as far as their texts tell."""
    found = [namespace]
    for text in texts:
        parts = text.split("/")
        service = _SERVICE_NAME.fullmatch(text)
        if len(parts) == _PARTS_AT_MOST or (len(parts) == _PARTS_AT_MOST - 1 and parts[0].lower() in _NAMESPACE):
            found.append(parts[0] if len(parts) == _PARTS_AT_MOST else parts[1])
        elif service is not None:
            found.append(service["namespace"])
    return tuple(dict.fromkeys(each for each in found if each))


def of_service(service: Service, world: World) -> Side:
    """Return a service as a side: what it selects, to be called by its name."""
    ends = _running(selected(service, world))
    return Side(f"{service.metadata.namespace}/service/{service.metadata.name}", ends, service)


def of_pods(name: str, pods: list[Pod]) -> Side:
    """Return pods as a side. Those that do not run are only told of, as long as one does."""
    ends = _running(pods)
    down = len(pods) - len(ends)
    notes = (f"{down} of {len(pods)} pods of {name} do not run and were left out",) if down else ()
    return Side(name, ends, notes=notes)


def of_app(key: ObjectKey, world: World) -> Side:
    """Return an AppService as a side: its Service if it has one, else its pods."""
    name, service = f"{key.namespace}/app/{key.name}", world.service.get(key)
    if service is not None:
        return replace(of_service(service, world), name=name)
    return of_pods(name, app_pods(key, world))


def app_pods(key: ObjectKey, world: World) -> list[Pod]:
    """Return an AppService's pods that have not ended."""
    here = world.pods_of.get(key.namespace, ())
    return [pod for pod in here if pod.metadata.labels.get(NAME_LABEL) == key.name]


def _running(pods: list[Pod]) -> tuple[End, ...]:
    up = [pod for pod in pods if pod.status.phase == RUNNING]
    return tuple(PodEnd(pod) for pod in sorted(up or pods, key=lambda each: each.key))


def _bare(text: str, namespace: str, world: World) -> Side:
    service = _SERVICE_NAME.fullmatch(text)
    if service is not None:
        return _named("service", ObjectKey(service["namespace"], service["name"]), text, world)
    if ObjectKey(namespace, text) not in world.pod and "." in text:
        return Side(text, (Host(text),))
    return _named("pod", ObjectKey(namespace, text), text, world)


def _named(kind: str, key: ObjectKey, text: str, world: World) -> Side:
    if kind in _NODE:
        if (node := world.node.get(key.name)) is None:
            raise _missing(text, f'nodes "{key.name}" not found')
        return Side(f"node/{key.name}", (node,))
    if kind in _NAMESPACE:
        return _of_namespace(key.name, text, world)
    if kind in _SERVICE:
        if (service := world.service.get(key)) is None:
            raise _missing(text, f'services "{key.name}" not found in namespace {key.namespace}')
        return of_service(service, world)
    return _of_kind_with_pods(kind, key, text, world)


def _of_kind_with_pods(kind: str, key: ObjectKey, text: str, world: World) -> Side:
    found = kind_with_pods(kind)
    if found is None:
        raise OpError(OP, ErrorKind.INVALID, text, _expected())
    if found is PODS:
        if (pod := world.pod.get(key)) is None:
            raise _missing(text, f'pods "{key.name}" not found in namespace {key.namespace}')
        return Side(f"{key.namespace}/pod/{key.name}", (PodEnd(pod),))
    if found is APP_SERVICES:
        app = of_app(key, world)
        if not app.ends and app.service is None:
            raise _missing(text, f"no pod and no service of an AppService {key.name} in namespace {key.namespace}")
        return app
    maker = next((each for each in world.makers if isinstance(each, found.type) and each.key == key), None)
    if maker is None:
        raise _missing(text, f'{found.plural} "{key.name}" not found in namespace {key.namespace}')
    pods = pods_under(maker.metadata.uid, world.pods_of.get(key.namespace, ()), world.makers)
    if not pods:
        raise _missing(text, "it has no pods")
    return of_pods(f"{key.namespace}/{found.kind.lower()}/{key.name}", pods)


def _of_namespace(name: str, text: str, world: World) -> Side:
    pods = list(world.pods_of.get(name, ()))
    if not pods:
        raise _missing(text, f"namespace {name} has no pods")
    return of_pods(f"namespace/{name}", pods)


def _missing(text: str, detail: str) -> OpError:
    return OpError(OP, ErrorKind.NOT_FOUND, text, detail)


def _expected() -> str:
    kinds = ", ".join((*KIND_NAMES, "service", "namespace", "node"))
    return f"expected [NAMESPACE/]KIND/NAME with a kind of {kinds}; an address, a host's name, or internet"
