"""Probes: as the application says, and otherwise asked of its first TCP port.

Liveness is slower to judge than readiness: a pod that is slow is first left alone, and only then restarted.
"""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.probes import Probe
from kubewright.workloads.children import ports
from kubewright.workloads.children.identity import present

_READINESS = {"periodSeconds": 5, "failureThreshold": 3}
_LIVENESS = {"initialDelaySeconds": 10, "periodSeconds": 10, "failureThreshold": 6}
_STARTUP = {"periodSeconds": 5, "failureThreshold": 60}


def probes(app: AppService) -> dict[str, Any]:
    """Return the container's probes; a job that runs to its end has only those it asks for."""
    said = app.spec.probes
    by_default = None if app.spec.runs_to_its_end else Probe()
    found = {
        "readinessProbe": _probe(app, said.readiness or by_default, _READINESS),
        "livenessProbe": _probe(app, said.liveness or by_default, _LIVENESS),
        "startupProbe": _probe(app, said.startup, _STARTUP),
    }
    return {name: probe for name, probe in found.items() if probe}


def _probe(app: AppService, probe: Probe | None, usual: dict[str, int]) -> dict[str, Any] | None:
    if probe is None or probe.disabled:
        return None
    handler = _handler(app, probe)
    if handler is None:
        return None
    said = present(
        initialDelaySeconds=probe.initial_delay_seconds or None,
        periodSeconds=probe.period_seconds or None,
        timeoutSeconds=probe.timeout_seconds or None,
        failureThreshold=probe.failure_threshold or None,
    )
    return handler | usual | said


def _handler(app: AppService, probe: Probe) -> dict[str, Any] | None:
    if probe.http is not None:
        scheme = "HTTPS" if probe.http.https else "HTTP"
        return {"httpGet": {"path": probe.http.path, "port": _port(app, probe.http.port), "scheme": scheme}}
    if probe.grpc is not None:
        return {"grpc": {"port": _port(app, probe.grpc.port)} | present(service=probe.grpc.service)}
    if probe.exec is not None:
        return {"exec": {"command": list(probe.exec.command)}}
    if probe.tcp is not None:
        return {"tcpSocket": {"port": _port(app, probe.tcp.port)}}
    return _usual_handler(app)


def _usual_handler(app: AppService) -> dict[str, Any] | None:
    port = ports.first_tcp(app)
    if port is None:
        return None
    if port.app_protocol == "grpc":
        return {"grpc": {"port": ports.target(port)}}
    return {"tcpSocket": {"port": ports.target(port)}}


def _port(app: AppService, wanted: int | str) -> int | str:
    port = ports.first_tcp(app) if wanted == "" else ports.find(app, wanted)
    return ports.target(port) if port is not None else wanted
