"""One call to an API server: send, wait where the server asks for it, and turn a refusal into an OpError.

`RestClient` makes every call through `Caller`. The retry policy is here and nowhere else in the client: 429 and 503
that name a Retry-After are asked again within the call, a few times and only for a short wait; all else goes up to
the work queue's back-off. (Lost connections are the HTTP transport's matter, since only it knows what was sent.)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from kubewright.client.status import error_from_response
from kubewright.client.transport import Request, Response, Transport
from kubewright.errors import OpError

MAX_RETRIES = 4
MAX_WAIT_SECONDS = 10.0
_FIRST_ERROR = 300  # redirects are not followed: they would carry credentials elsewhere
_ASKED_TO_WAIT = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Caller:
    """Sends requests on a transport under the retry policy."""

    transport: Transport

    async def call(self, op: str, target: str, request: Request, *, stream: bool = False) -> Response:
        """Return the answer below 300; raises OpError that names the operation and its target."""
        for _ in range(MAX_RETRIES):
            response = await self._send(op, target, request, stream=stream)
            if response.status < _FIRST_ERROR:
                return response
            error = error_from_response(op, target, response)
            if not _worth_waiting(response, error):
                raise error
            await asyncio.sleep(error.retry_after_seconds or 0)
        response = await self._send(op, target, request, stream=stream)
        if response.status < _FIRST_ERROR:
            return response
        raise error_from_response(op, target, response)

    async def _send(self, op: str, target: str, request: Request, *, stream: bool) -> Response:
        try:
            return await self.transport.send(request, stream=stream)
        except OpError as error:
            raise OpError(
                op, error.kind, target, error.detail, retry_after_seconds=error.retry_after_seconds, causes=error.causes
            ) from error


def _worth_waiting(response: Response, error: OpError) -> bool:
    """Tell whether to ask again within this call: a disruption budget's 429 is an answer, not a busy server."""
    if response.status not in _ASKED_TO_WAIT or not error.retry_after_seconds:
        return False
    refused_by_budget = any(cause.reason == "DisruptionBudget" for cause in error.causes)
    return not refused_by_budget and error.retry_after_seconds <= MAX_WAIT_SECONDS
