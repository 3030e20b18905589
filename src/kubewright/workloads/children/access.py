"""Who may call an application and whom it may call, as a NetworkPolicy of both directions.

What is reached from outside is open to all on the ports that are exposed: the proxies that lead there are in namespaces
of their own, which nobody here knows. Names can always be resolved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubewright.api.core import METADATA_NAME
from kubewright.api.crds.appservice import AppService, AppServicePort
from kubewright.api.crds.appservice.network import LOAD_BALANCER, NODE_PORT, AppServiceAccess, Peer
from kubewright.api.meta import Manifest
from kubewright.workloads.children import ports
from kubewright.workloads.children.identity import NAME_LABEL, TEAM_LABEL, child, present, selector
from kubewright.workloads.kinds import NETWORK_POLICIES

_DNS_PORTS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
_DNS = [
    {"namespaceSelector": {"matchLabels": {METADATA_NAME: "kube-system"}}},
    {"ipBlock": {"cidr": "169.254.20.10/32"}},  # NodeLocal DNSCache
]
_TUNNEL = {"protocol": "TCP", "port": 15008}
_CONTROL_PLANES = {"istio": "istio-system", "istio-ambient": "istio-system", "linkerd": "linkerd"}


def network_policy(app: AppService) -> Manifest | None:
    """Return the NetworkPolicy of an application that says whom it talks to."""
    access = app.spec.access
    if access is None:
        return None
    spec = {
        "podSelector": {"matchLabels": selector(app)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(app, access)),
        "egress": list(_egress(app, access)),
    }
    return child(app, NETWORK_POLICIES, spec=spec)


def opened_to_all(app: AppService) -> tuple[AppServicePort, ...]:
    """Return the ports that are reached from outside the cluster."""
    expose = app.spec.expose
    if expose is None:
        return ()
    if expose.type in {NODE_PORT, LOAD_BALANCER}:
        return app.spec.ports
    port = ports.find(app, expose.port) if expose.host else None
    return (port,) if port is not None else ()


def _ingress(app: AppService, access: AppServiceAccess) -> Iterator[dict[str, Any]]:
    for peer in access.callers:
        found = [ports.find(app, each) for each in peer.ports] or list(app.spec.ports)
        yield {"from": _peers(peer), "ports": _own([port for port in found if port is not None])}
    if opened := opened_to_all(app):
        ranges = app.spec.expose.source_ranges if app.spec.expose is not None else ()
        yield {"ports": _own(opened)} | present(**{"from": [{"ipBlock": {"cidr": each}} for each in ranges]})
    if app.spec.mesh is not None and app.spec.mesh.type == "istio-ambient":
        yield {"ports": [_TUNNEL]}  # the mesh's own tunnel; who may come through it is its policy's to say


def _egress(app: AppService, access: AppServiceAccess) -> Iterator[dict[str, Any]]:
    yield {"to": _DNS, "ports": _DNS_PORTS}
    mesh = app.spec.mesh.type if app.spec.mesh is not None else ""
    if mesh in _CONTROL_PLANES:
        yield {"to": [_in_namespace(_CONTROL_PLANES[mesh])]}
    if mesh == "istio-ambient":
        yield {"ports": [_TUNNEL]}
    for peer in access.calls:
        theirs = [{"protocol": peer.protocol, "port": each} for each in peer.ports]
        yield {"to": _peers(peer)} | present(ports=theirs)


def _own(found: Sequence[AppServicePort]) -> list[dict[str, Any]]:
    return [{"protocol": port.protocol, "port": ports.target(port)} for port in found]


def _peers(peer: Peer) -> list[dict[str, Any]]:
    if peer.cidr:
        return [{"ipBlock": {"cidr": peer.cidr} | present(**{"except": list(peer.besides)})}]
    chosen = dict(peer.labels)
    if peer.app:
        chosen[NAME_LABEL] = peer.app
    if peer.team and not peer.namespace:
        # A label on a pod is anybody's to set in a namespace of theirs, so beyond one's own the namespace must say it.
        theirs = {"namespaceSelector": {"matchLabels": {TEAM_LABEL: peer.team}}}
        here = {"podSelector": {"matchLabels": {**chosen, TEAM_LABEL: peer.team}}}
        return [theirs | ({"podSelector": {"matchLabels": chosen}} if chosen else {}), here]
    if peer.team:
        chosen[TEAM_LABEL] = peer.team
    pods = {"podSelector": {"matchLabels": chosen}} if chosen else {}
    return [{**_namespace(peer.namespace), **pods}]


def _namespace(name: str) -> dict[str, Any]:
    if name == "*":
        return {"namespaceSelector": {}}
    return _in_namespace(name) if name else {}


def _in_namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {METADATA_NAME: name}}}
