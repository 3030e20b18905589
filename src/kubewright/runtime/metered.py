"""Counts what is asked of the API server: `rest_client_requests_total`, as client-go exposes it."""

from __future__ import annotations

import asyncio

from prometheus_client import Counter, Histogram

from kubewright.client.transport import Request, Response, Transport
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.traces import note_request


class MeteredTransport:
    """A Transport that counts the requests of another by answer, method and host, and times them."""

    def __init__(self, inner: Transport, metrics: RuntimeMetrics, host: str) -> None:
        self._inner = inner
        self._metrics = metrics
        self._host = host
        self._counted: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        """By answer and method: looking labels up costs more than counting."""

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Pass the request on; one that got no answer counts under the code `<error>`."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        code = "<error>"
        try:
            response = await self._inner.send(request, stream=stream)
            code = str(response.status)
            return response
        finally:
            requests, seconds = self._counted.get((code, request.method)) or self._bound(code, request.method)
            requests.inc()
            seconds.observe(loop.time() - started_at)
            note_request(request.method, request.path, code)

    def _bound(self, code: str, method: str) -> tuple[Counter, Histogram]:
        bound = self._counted[code, method] = (
            self._metrics.requests.labels(code, method, self._host),
            self._metrics.request_seconds.labels(method, self._host),
        )
        return bound

    async def close(self) -> None:
        """Give connections back."""
        await self._inner.close()
