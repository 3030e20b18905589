"""What leads a host and a path to an application: an HTTPRoute of a Gateway, or an Ingress."""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import Manifest
from kubewright.workloads.children import ports
from kubewright.workloads.children.identity import child, present
from kubewright.workloads.kinds import HTTP_ROUTES, INGRESSES

_ISSUER = "cert-manager.io/cluster-issuer"


def http_route(app: AppService) -> Manifest | None:
    """Return the HTTPRoute of an application that is reached through a Gateway."""
    expose = app.spec.expose
    if expose is None or expose.gateway is None or not expose.host:
        return None
    parent = {"name": expose.gateway.name} | present(
        namespace=expose.gateway.namespace, sectionName=expose.gateway.listener
    )
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": expose.path}}],
        "backendRefs": [{"name": app.metadata.name, "port": _port(app)}],
    }
    spec = {"parentRefs": [parent], "hostnames": [expose.host], "rules": [rule]}
    return child(app, HTTP_ROUTES, spec=spec)


def ingress(app: AppService) -> Manifest | None:
    """Return the Ingress of an application with a host and no Gateway."""
    expose = app.spec.expose
    if expose is None or expose.gateway is not None or not expose.host:
        return None
    backend = {"service": {"name": app.metadata.name, "port": {"number": _port(app)}}}
    path = {"path": expose.path, "pathType": "Prefix", "backend": backend}
    spec: dict[str, Any] = {"rules": [{"host": expose.host, "http": {"paths": [path]}}]}
    spec |= present(ingressClassName=expose.ingress_class)
    annotations: dict[str, str] = {}
    if expose.tls is not None:
        spec["tls"] = [{"hosts": [expose.host], "secretName": expose.tls.secret or f"{app.metadata.name}-tls"}]
        annotations = present(**{_ISSUER: expose.tls.issuer})
    return child(app, INGRESSES, annotations=annotations, spec=spec)


def _port(app: AppService) -> int:
    expose = app.spec.expose
    port = ports.find(app, expose.port if expose is not None else "")
    return port.port if port is not None else 0
