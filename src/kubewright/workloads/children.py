"""The manifests that an AppService becomes. Pure; called by `decide`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import SERVICES
from kubewright.api.crds.appservice import APP_SERVICES, AppService, AppServicePort
from kubewright.api.drift import with_fingerprint
from kubewright.api.meta import Manifest, Resource
from kubewright.api.owners import owner_reference
from kubewright.api.quantity import Quantity, canonical

NAME_LABEL = "app.example.com/name"
"""On every child and pod: the AppService's name. The one label of the selector, which can never change."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "kubewright"


def deployment(app: AppService) -> Manifest:
    """Return the Deployment that runs the application's containers."""
    spec = {
        "replicas": app.spec.replicas,
        "selector": {"matchLabels": selector(app)},
        "template": {"metadata": {"labels": _labels(app)}, "spec": {"containers": [_container(app)]}},
    }
    return _child(app, DEPLOYMENTS, spec)


def service(app: AppService) -> Manifest | None:
    """Return the Service in front of its pods, or None for an application without ports."""
    if not app.spec.ports:
        return None
    return _child(app, SERVICES, {"selector": selector(app), "ports": [_service_port(port) for port in app.spec.ports]})


def selector(app: AppService) -> dict[str, str]:
    """Return the labels that choose the application's pods."""
    return {NAME_LABEL: app.metadata.name}


def _labels(app: AppService) -> dict[str, str]:
    return {"app.kubernetes.io/name": app.metadata.name, MANAGED_BY_LABEL: MANAGED_BY, **selector(app)}


def _child(app: AppService, resource: Resource[Any], spec: dict[str, Any]) -> Manifest:
    metadata = {
        "name": app.metadata.name,
        "namespace": app.metadata.namespace,
        "labels": _labels(app),
        "ownerReferences": [owner_reference(app, APP_SERVICES)],
    }
    return with_fingerprint(
        {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}
    )


def _container(app: AppService) -> dict[str, Any]:
    spec = app.spec
    container: dict[str, Any] = {"name": "app", "image": spec.image}
    if spec.command:
        container["command"] = list(spec.command)
    if spec.args:
        container["args"] = list(spec.args)
    if spec.ports:
        container["ports"] = [_container_port(port) for port in spec.ports]
    if spec.env:
        container["env"] = [{"name": variable.name, "value": variable.value} for variable in spec.env]
    amounts = {"requests": spec.resources.requests, "limits": spec.resources.limits}
    if any(amounts.values()):
        container["resources"] = {name: _canonical(each) for name, each in amounts.items() if each}
    return container


def _canonical(amounts: Mapping[str, Quantity]) -> dict[str, str]:
    """Write quantities as the API server stores them, so that `1000m` and its `1` are no difference."""
    return {name: canonical(amount) for name, amount in amounts.items()}


def _port_name(port: AppServicePort) -> str:
    suffix = "" if port.protocol == "TCP" else f"-{port.protocol.lower()}"
    return port.name or f"port-{port.port}{suffix}"


def _container_port(port: AppServicePort) -> dict[str, Any]:
    return {
        "name": _port_name(port),
        "containerPort": port.target_port or port.port,
        "protocol": port.protocol,
    }


def _service_port(port: AppServicePort) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": _port_name(port),
        "port": port.port,
        "targetPort": port.target_port or port.port,
        "protocol": port.protocol,
    }
    if port.app_protocol:
        document["appProtocol"] = port.app_protocol
    return document
