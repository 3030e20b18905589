"""A stand-in for metrics-server: for a real control plane, what the twin's own `metrics.k8s.io` says.

It is an aggregated API server on loopback, behind a Service without pods, that answers with what running pods'
annotations say of their use.
"""

from __future__ import annotations

import ssl
import time
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
SERVICES, API_SERVICES = "/api/v1/namespaces/default/services", "/apis/apiregistration.k8s.io/v1/apiservices"


@asynccontextmanager
async def serving(folder: Path, api: Api):
    """Serve the group on a control plane for a while."""
    pair = Authority(time.time()).serving("localhost")
    (folder / "metrics.crt").write_bytes(pair.certificate)
    (folder / "metrics.key").write_bytes(pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "metrics.crt", folder / "metrics.key")

    async def pods(request: web.Request) -> web.Response:
        namespace = request.match_info["namespace"]
        found = (await api.of("pods", namespace).list(**request.query)).ok()["items"]
        running = [each for each in found if each["status"]["phase"] == "Running"]
        head = {"kind": "PodMetricsList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}}
        return web.json_response({**head, "items": [metrics(each) for each in running]})

    async def resources(_: web.Request) -> web.Response:
        served = {
            "name": "pods",
            "singularName": "",
            "namespaced": True,
            "kind": "PodMetrics",
            "verbs": ["get", "list"],
        }
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{VERSION}"}
        return web.json_response({**head, "resources": [served]})

    app = web.Application()
    root = f"/apis/{GROUP}/{VERSION}"
    app.router.add_get(root, resources)
    app.router.add_get(f"{root}/namespaces/{{namespace}}/pods", pods)
    async with loopback.serving(app, context) as port:
        name = f"{VERSION}.{GROUP}"
        (await api.ask("POST", SERVICES, service(port))).ok()
        (await api.ask("POST", API_SERVICES, api_service(name, port))).ok()

        async def available() -> bool:
            return (await api.get(f"{root}/namespaces/default/pods")).status == 200

        await eventually(available)
        yield
        for path in (f"{API_SERVICES}/{name}", f"{SERVICES}/stand-in-metrics"):
            await api.ask("DELETE", path)


def metrics(pod: dict[str, Any]) -> dict[str, Any]:
    notes = pod["metadata"].get("annotations") or {}
    usage = {name: notes.get(PREFIX + name, "0") for name in ("cpu", "memory")}
    containers = [{"name": each["name"], "usage": usage} for each in pod["spec"]["containers"]]
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace", "labels") if name in pod["metadata"]}
    measured = {"timestamp": rfc3339(time.time()), "window": f"{WINDOW_SECONDS}s", "containers": containers}
    return {"metadata": metadata, **measured}


def service(port: int) -> dict[str, Any]:
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "stand-in-metrics"}, "spec": spec}


def api_service(name: str, port: int) -> dict[str, Any]:
    backend = {"name": "stand-in-metrics", "namespace": "default", "port": port}
    spec = {"service": backend, "group": GROUP, "version": VERSION, "insecureSkipTLSVerify": True}
    priorities = {"groupPriorityMinimum": 100, "versionPriority": 100}
    kind = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
    return {**kind, "metadata": {"name": name}, "spec": {**spec, **priorities}}
