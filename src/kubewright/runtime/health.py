"""What a kubelet, a load balancer and Prometheus ask of this process: /healthz, /readyz and /metrics.

A plain ASGI application, so that tests call it without a socket; `serve_asgi` puts it on one. Alive means that the
event loop answers at all; ready, that every check holds, which is usually that the caches are whole.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from kubewright.errors import ErrorKind, OpError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_PLAIN = "text/plain; charset=utf-8"
_SHUTDOWN_SECONDS = 1


class HealthApp:
    """The three endpoints; `checks` are named, and each says whether that part is ready."""

    def __init__(self, registry: CollectorRegistry, checks: Mapping[str, Callable[[], bool]]) -> None:
        self._registry = registry
        self._checks = checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        del receive  # none of the endpoints has a body
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is served, not {scope['type']}")
        status, content_type, body = self._answer(scope["method"], scope["path"])
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, _PLAIN, b"method not allowed\n"
        match path:
            case "/healthz" | "/livez":
                return 200, _PLAIN, b"ok\n"
            case "/readyz":
                return self._readiness()
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
            case _:
                return 404, _PLAIN, b"not found\n"

    def _readiness(self) -> tuple[int, str, bytes]:
        """Say of each check whether it holds, in the form of Kubernetes' own components."""
        ready = {name: check() for name, check in self._checks.items()}
        lines = [f"[{'+' if ok else '-'}]{name} {'ok' if ok else 'not ready'}" for name, ok in ready.items()]
        passed = all(ready.values())
        lines.append("ready" if passed else "not ready")
        return 200 if passed else 503, _PLAIN, "".join(f"{line}\n" for line in lines).encode()


class _EmbeddedServer(uvicorn.Server):
    """uvicorn without its signal handlers: the program that embeds it has its own (`shutdown`)."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve_asgi(app: AsgiApp, listener: socket.socket) -> None:
    """Serve on a listening socket until cancelled, then close it and give requests a second to end."""
    server = _EmbeddedServer(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
    try:
        await server.serve(sockets=[listener])
    except asyncio.CancelledError:
        if server.started:
            await server.shutdown(sockets=[listener])
        raise
    finally:
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on; port 0 takes a free one. Raises OpError when the address cannot be had."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise OpError("health.listen", ErrorKind.UNAVAILABLE, f"{host}:{port}", error.strerror or str(error)) from error
