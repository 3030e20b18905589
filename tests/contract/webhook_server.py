"""A webhook of the tests' own on loopback, with a certificate of its own, that any API server may call."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from kubewright.twin.certificates import Authority
from tests import loopback

Handler = Callable[[dict[str, Any]], Any]
"""A review's request -> its response without uid, or a whole web.Response."""
ALLOWED = {"allowed": True}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    """Allow with a JSON patch."""
    content = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": content}


@dataclass
class WebhookServer:
    """What answers at each path, and the reviews that came."""

    port: int = 0
    ca_bundle: str = ""
    handlers: dict[str, Handler] = field(default_factory=dict)
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    def client(self, path: str) -> dict[str, Any]:
        """Give the clientConfig of a path."""
        return {"url": self.url(path), "caBundle": self.ca_bundle}

    def asked(self, path: str) -> list[dict[str, Any]]:
        """Give the requests that came to a path."""
        return [review["request"] for at, review in self.received if at == path]

    async def answer(self, request: web.Request) -> web.Response:
        review = await request.json()
        self.received.append((request.path, review))
        answer = self.handlers[request.path](review["request"])
        if isinstance(answer, web.StreamResponse):
            return answer
        response = {"uid": review["request"]["uid"], **answer}
        return web.json_response({"kind": review["kind"], "apiVersion": review["apiVersion"], "response": response})


@asynccontextmanager
async def serving(folder: Path, *names: str):
    """Serve on a free port; the certificate is for 127.0.0.1, localhost and these names."""
    authority = Authority(time.time())
    pair = authority.serving(names[0] if names else "127.0.0.1")
    (folder / "hook.crt").write_bytes(pair.certificate)
    (folder / "hook.key").write_bytes(pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "hook.crt", folder / "hook.key")
    server = WebhookServer(ca_bundle=base64.b64encode(authority.certificate).decode())
    app = web.Application()
    app.router.add_post("/{path:.*}", server.answer)
    async with loopback.serving(app, context) as server.port:
        yield server
