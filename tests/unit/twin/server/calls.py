"""A caller of the API server for tests: verbs with dicts in and dicts out, under virtual time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from kubewright.client.transport import Request, Response
from kubewright.clock import Clock, run_virtual
from kubewright.store.versioned import VersionedStore
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = "/apis/example.com/v1/namespaces/default/things"


@dataclass
class Answer:
    """A response, decoded."""

    code: int
    body: Any
    headers: dict[str, str]

    @property
    def metadata(self) -> dict[str, Any]:
        return self.body["metadata"]

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.body["items"]]


@dataclass
class Caller:
    """Sends requests to a server of its own, which has the namespace `default`."""

    store: VersionedStore = field(default_factory=VersionedStore)
    server: ApiServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = ApiServer(Clock.virtual(), KindTable.builtin(), self.store)

    async def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        path, _, query = path.partition("?")
        asked = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.server.handle(Request(method, path, asked, {"user-agent": "test/1.0", **named}, body))

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        encoded = b"" if body is None else json.dumps(body).encode()
        response = await self.raw(method, path, encoded, **{"content_type": "application/json", **headers})
        decoded = json.loads(response.body) if response.body[:1] in {b"{", b"["} else response.body.decode()
        return Answer(response.status, decoded, dict(response.headers))

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any) -> Answer:
        return await self.call("POST", path, body)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.call("PUT", path, body)

    async def delete(self, path: str, body: Any = None) -> Answer:
        return await self.call("DELETE", path, body)

    async def patch(self, path: str, body: Any, media: str = MERGE) -> Answer:
        return await self.call("PATCH", path, body, content_type=media)

    async def watch(self, path: str, **headers: str) -> list[dict[str, Any]]:
        """Follow a watch to its end."""
        response = await self.raw("GET", path, **headers)
        assert response.status == 200, response.body
        assert response.stream is not None
        return [json.loads(line) async for line in response.stream]


def on_server(scenario: Callable[[Caller], Awaitable[None]]) -> None:
    """Run a scenario against a new server under virtual time."""

    async def main() -> None:
        caller = Caller()
        created = await caller.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        assert created.code == 201
        await scenario(caller)

    run_virtual(main())


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {"metadata": {"name": name, **({"labels": labels} if labels else {})}, "data": data}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    """Return a Pod with one container."""
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "app:1"}], **spec}}


def deployment(name: str, replicas: Any = 1) -> dict[str, Any]:
    """Return a Deployment."""
    template = {"metadata": {"labels": {"app": name}}, "spec": pod(name)["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def thing(name: str, **spec: Any) -> dict[str, Any]:
    """Return an object of the custom kind that `thing_crd` defines."""
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


def thing_crd() -> dict[str, Any]:
    """Return the definition of Things: replicas of at least 0, an image that must be there, status and scale."""
    properties = {"replicas": {"type": "integer", "minimum": 0, "default": 1}, "image": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "required": ["image"], "properties": properties},
            "status": {"type": "object", "properties": {"ready": {"type": "integer"}}},
        },
    }
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.ready"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": scale},
    }
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": "things.example.com"}, "spec": spec}
