"""A stand-in for metrics-server: for a real control plane, what the twin's own `metrics.k8s.io` says.

It is an aggregated API server on loopback, behind a Service without pods, that answers with what running pods'
annotations say of their use. `aggregated` serves any other group in the same way.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from kubewright.api.meta import rfc3339
from kubewright.twin.certificates import Authority
from tests import loopback
from tests.contract.asking import Api, eventually

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
PREFIX = "twin.kubewright.dev/"
WINDOW_SECONDS = 1
Routes = Mapping[str, Callable[[web.Request], Awaitable[web.Response]]]
SERVICES, API_SERVICES = "/api/v1/namespaces/default/services", "/apis/apiregistration.k8s.io/v1/apiservices"


@asynccontextmanager
async def serving(folder: Path, api: Api):
    """Serve the group on a control plane for a while."""

    async def pods(request: web.Request) -> web.Response:
        namespace = request.match_info["namespace"]
        found = (await api.of("pods", namespace).list(**request.query)).ok()["items"]
        running = [each for each in found if each["status"]["phase"] == "Running"]
        head = {"kind": "PodMetricsList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}}
        return web.json_response({**head, "items": [metrics(each) for each in running]})

    served = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
    routes = {"/namespaces/{namespace}/pods": pods}
    async with aggregated(folder, api, (GROUP, VERSION), routes, (served,)):
        yield


@asynccontextmanager
async def aggregated(folder: Path, api: Api, version: tuple[str, str], routes: Routes, kinds=()):
    """Serve a group's version behind an API server for a while; routes by their path in it."""
    pair = Authority(time.time()).serving("localhost")
    (folder / "served.crt").write_bytes(pair.certificate)
    (folder / "served.key").write_bytes(pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "served.crt", folder / "served.key")
    group, number = version

    async def resources(_: web.Request) -> web.Response:
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/{number}"}
        return web.json_response({**head, "resources": list(kinds)})

    app = web.Application()
    root, name = f"/apis/{group}/{number}", f"stand-in-{group.partition('.')[0]}"
    app.router.add_get(root, resources)
    for path, handler in routes.items():
        app.router.add_get(f"{root}{path}", handler)
    async with loopback.serving(app, context) as port:
        try:
            (await api.ask("POST", SERVICES, service(name, port))).ok()
            (await api.ask("POST", API_SERVICES, api_service(name, version, port))).ok()

            async def available() -> bool:
                return (await api.get(root)).status == 200

            await eventually(available)
            yield
        finally:
            for path in (f"{API_SERVICES}/{number}.{group}", f"{SERVICES}/{name}"):
                await api.ask("DELETE", path)


def metrics(pod: dict[str, Any]) -> dict[str, Any]:
    notes = pod["metadata"].get("annotations") or {}
    usage = {name: notes.get(PREFIX + name, "0") for name in ("cpu", "memory")}
    containers = [{"name": each["name"], "usage": usage} for each in pod["spec"]["containers"]]
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace", "labels") if name in pod["metadata"]}
    measured = {"timestamp": rfc3339(time.time()), "window": f"{WINDOW_SECONDS}s", "containers": containers}
    return {"metadata": metadata, **measured}


def service(name: str, port: int) -> dict[str, Any]:
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def api_service(name: str, version: tuple[str, str], port: int) -> dict[str, Any]:
    group, number = version
    backend = {"name": name, "namespace": "default", "port": port}
    spec = {"service": backend, "group": group, "version": number, "insecureSkipTLSVerify": True}
    priorities = {"groupPriorityMinimum": 100, "versionPriority": 100}
    kind = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
    return {**kind, "metadata": {"name": f"{number}.{group}"}, "spec": {**spec, **priorities}}
