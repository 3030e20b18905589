"""An application's ports, as its containers, its Services and everybody who names one of them write them."""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService, AppServicePort


def port_name(port: AppServicePort) -> str:
    """Return the port's name: the one it was given, or one made of its number."""
    suffix = "" if port.protocol == "TCP" else f"-{port.protocol.lower()}"
    return port.name or f"port-{port.port}{suffix}"


def target(port: AppServicePort) -> int:
    """Return the container's port."""
    return port.target_port or port.port


def find(app: AppService, wanted: int | str) -> AppServicePort | None:
    """Return the port of this name or number; the first for an empty name."""
    if not app.spec.ports:
        return None
    if wanted == "":
        return app.spec.ports[0]
    return next((port for port in app.spec.ports if wanted in {port.port, port_name(port)}), None)


def first_tcp(app: AppService) -> AppServicePort | None:
    """Return the first port that connections are made to."""
    return next((port for port in app.spec.ports if port.protocol == "TCP"), None)


def container_port(port: AppServicePort) -> dict[str, Any]:
    """Return the port as a container has it."""
    return {"name": port_name(port), "containerPort": target(port), "protocol": port.protocol}


def service_port(port: AppServicePort) -> dict[str, Any]:
    """Return the port as a Service has it."""
    document: dict[str, Any] = {
        "name": port_name(port),
        "port": port.port,
        "targetPort": target(port),
        "protocol": port.protocol,
    }
    if port.app_protocol:
        document["appProtocol"] = port.app_protocol
    if port.node_port:
        document["nodePort"] = port.node_port
    return document
