"""What makes an application part of a service mesh: labels and annotations of its pods, and who may call it.

What the mesh then puts into the pods is the mesh's: children are compared by the fields that are said here alone.
"""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.network import Peer
from kubewright.api.meta import Manifest
from kubewright.workloads.children import ports
from kubewright.workloads.children.access import opened_to_all
from kubewright.workloads.children.identity import child, selector
from kubewright.workloads.kinds import AUTHORIZATION_POLICIES

_HOLD = '{"holdApplicationUntilProxyStarts": true}'


def pod_labels(app: AppService) -> dict[str, str]:
    """Return the labels that put the pods into a mesh, or that keep them out of one."""
    mesh = app.spec.mesh
    if mesh is None:
        return {}
    match mesh.type:
        case "istio":
            inject = {"istio.io/rev": mesh.revision} if mesh.revision else {}
            return {"sidecar.istio.io/inject": "true", **inject}
        case "istio-ambient":
            return {"istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false"}
        case "linkerd":
            return {}
        case _:
            return {"istio.io/dataplane-mode": "none", "sidecar.istio.io/inject": "false"}


def pod_annotations(app: AppService) -> dict[str, str]:
    """Return the annotations that do the same."""
    mesh = app.spec.mesh
    if mesh is None:
        return {}
    match mesh.type:
        case "istio":
            # Else the application's first connections fail: the proxy that they go through is not there yet.
            return {"proxy.istio.io/config": _HOLD}
        case "linkerd":
            return {"linkerd.io/inject": "enabled"}
        case "istio-ambient":
            return {}
        case _:
            return {"linkerd.io/inject": "disabled"}


def authorization(app: AppService) -> Manifest | None:
    """Return Istio's AuthorizationPolicy: the callers by who they are, where NetworkPolicy goes by where they are."""
    mesh, access = app.spec.mesh, app.spec.access
    if mesh is None or access is None or mesh.type not in {"istio", "istio-ambient"}:
        return None
    rules = [_rule(app, peer) for peer in access.callers]
    if opened := opened_to_all(app):
        rules.append({"to": [{"operation": {"ports": [str(ports.target(port)) for port in opened]}}]})
    spec: dict[str, Any] = {"selector": {"matchLabels": selector(app)}, "action": "ALLOW"}
    return child(app, AUTHORIZATION_POLICIES, spec=spec | ({"rules": rules} if rules else {}))


def _rule(app: AppService, peer: Peer) -> dict[str, Any]:
    found = [ports.find(app, each) for each in peer.ports] or list(app.spec.ports)
    numbers = [str(ports.target(port)) for port in found if port is not None]
    rule: dict[str, Any] = {"from": [{"source": _source(app, peer)}]}
    return rule | ({"to": [{"operation": {"ports": numbers}}]} if numbers else {})


def _source(app: AppService, peer: Peer) -> dict[str, Any]:
    namespace = peer.namespace or app.metadata.namespace
    if peer.cidr:
        return {"ipBlocks": [peer.cidr]} | ({"notIpBlocks": list(peer.besides)} if peer.besides else {})
    if peer.app and namespace != "*":
        return {"principals": [f"*/ns/{namespace}/sa/{peer.app}"]}
    if namespace == "*":
        return {"namespaces": ["*"]}
    return {"namespaces": [namespace]}
