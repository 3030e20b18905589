"""What a kubelet, a load balancer and Prometheus ask of this process: /healthz, /readyz and /metrics.

A plain ASGI application, so that tests call it without a socket; `serving` puts it on one. Alive means that the
event loop answers at all; ready, that every check holds, which is usually that the caches are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from kubewright.runtime.exchange import PLAIN, answer
from kubewright.runtime.serving import Receive, Scope, Send


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
        await answer(send, status, content_type, body, method=scope["method"])

    def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, PLAIN, b"method not allowed\n"
        match path:
            case "/healthz" | "/livez":
                return 200, PLAIN, b"ok\n"
            case "/readyz":
                return self._readiness()
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
            case _:
                return 404, PLAIN, b"not found\n"

    def _readiness(self) -> tuple[int, str, bytes]:
        """Say of each check whether it holds, in the form of Kubernetes' own components."""
        ready = {name: check() for name, check in self._checks.items()}
        lines = [f"[{'+' if ok else '-'}]{name} {'ok' if ok else 'not ready'}" for name, ok in ready.items()]
        passed = all(ready.values())
        lines.append("ready" if passed else "not ready")
        return 200 if passed else 503, PLAIN, "".join(f"{line}\n" for line in lines).encode()
