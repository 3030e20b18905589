"""Requests to a server in the same process: no socket, no thread, so it runs under virtual time.

The twin is such a server. `RestClient(InProcessTransport(server))` is a Client of it with the same encoding and
decoding as over HTTP, so what passes here passes there.
"""

from __future__ import annotations

from typing import Protocol

from kubewright.client.transport import Request, Response
from kubewright.errors import ErrorKind, OpError


class Server(Protocol):
    """Answers requests; a watch's stream yields one whole JSON line, with its newline, per chunk."""

    async def handle(self, request: Request) -> Response:
        """Answer one request, whatever the status; ConnectionResetError is what a cut connection is over HTTP."""
        ...


class InProcessTransport:
    """Carries requests to a `Server` by calling it."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Hand the request over; the server decides by the request itself whether to stream."""
        del stream
        try:
            return await self._server.handle(request)
        except ConnectionResetError as error:
            detail = f"the connection was lost ({error})"
            raise OpError("client.connect", ErrorKind.UNAVAILABLE, "the server in this process", detail) from error

    async def close(self) -> None:
        """Do nothing: the server belongs to whoever made it."""
