"""Istio's VirtualService, which splits an application's traffic inside the mesh while a canary is on its way.

Its rules have names of ours. Whatever others put beside them, or into them besides where they lead, stays: Istio's
lists are atomic to the API server, so that it is put together with what there is before it is applied. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubewright.api.crds.appservice import AppService, AppServicePort
from kubewright.api.crds.appservice.rollout import CANARY
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest
from kubewright.workloads.children.identity import child
from kubewright.workloads.children.routes import http_route
from kubewright.workloads.kinds import VIRTUAL_SERVICES

HTTP_ROUTE, VIRTUAL_SERVICE, REPLICAS = "httpRoute", "virtualService", "replicas"
_OURS = "kubewright"
_ALL = 100


def splitter(app: AppService) -> str:
    """Return what splits a canary's traffic, where the cluster has it."""
    if app.spec.is_stateful:
        return REPLICAS
    said, mesh = app.spec.rollout.traffic, app.spec.mesh
    if app.spec.rollout.strategy != CANARY or said != "auto":
        return said
    if http_route(app) is not None:
        return HTTP_ROUTE
    return VIRTUAL_SERVICE if mesh is not None and mesh.type == "istio" else REPLICAS


def virtual_service(app: AppService) -> Manifest | None:
    """Return the VirtualService of an application whose canaries go by it; until there is one it leads to all pods."""
    if app.spec.rollout.strategy != CANARY or splitter(app) != VIRTUAL_SERVICE:
        return None
    ports = [port for port in app.spec.ports if port.protocol == "TCP"]
    rules = [_rule(app, port, alone=len(ports) == 1) for port in ports]
    return child(app, VIRTUAL_SERVICES, spec={"hosts": [app.metadata.name], "http": rules})


def weighted(spec: Mapping[str, Any], new: str, share: int) -> Manifest:
    """Return the spec with so many percent of each rule's traffic for the host `new`."""
    return {**spec, "http": [{**rule, "route": list(_split(rule["route"][0], new, share))} for rule in spec["http"]]}


def beside_others(manifest: Manifest, live: LiveObject) -> Manifest:
    """Return the manifest with what others have in the live object's rules, as of just this version of it."""
    wanted = {rule["name"]: rule for rule in manifest["spec"]["http"]}
    rules: list[Mapping[str, Any]] = []
    for rule in live.spec.get("http", ()):
        ours = wanted.pop(rule.get("name", ""), None)
        if ours is not None:
            rules.append({**rule, **ours})
        elif not str(rule.get("name", "")).startswith(_OURS):
            rules.append(rule)
    metadata = {**manifest["metadata"], "resourceVersion": live.metadata.resource_version}
    return {**manifest, "metadata": metadata, "spec": {**manifest["spec"], "http": [*rules, *wanted.values()]}}


def _rule(app: AppService, port: AppServicePort, *, alone: bool) -> dict[str, Any]:
    destination = {"host": app.metadata.name, "port": {"number": port.port}}
    match = {} if alone else {"match": [{"port": port.port}]}
    return {"name": f"{_OURS}-{port.port}", **match, "route": [{"destination": destination}]}


def _split(route: Mapping[str, Any], new: str, share: int) -> Iterator[Mapping[str, Any]]:
    yield {**route, "weight": _ALL - share}
    yield {"destination": {**route["destination"], "host": new}, "weight": share}
