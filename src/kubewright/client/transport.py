"""One request, one response: the seam between the client's meaning and its wire.

`RestClient` turns a verb into a `Request`; a Transport carries it: `http.py` to a socket, `inprocess.py` to the twin in
the same process. Both ends of the in-process transport speak these types, so neither knows the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import msgspec


class Request(msgspec.Struct, frozen=True):
    """An HTTP request to an API server; `path` is absolute and unescaped query values stand in `query`."""

    method: str
    path: str
    query: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    headers: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """Header names are lower case."""
    body: bytes = b""


class Response(msgspec.Struct, frozen=True):
    """The answer: a whole `body`, or for a watch or a followed log the `stream` of chunks as they arrive.

    Closing a stream's iterator (`aclose`) ends the request.
    """

    status: int
    headers: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None


class Transport(Protocol):
    """Carries requests; raises OpError (UNAVAILABLE, TIMEOUT, UNAUTHORIZED) when no answer came."""

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Send one request and return its answer, whatever its status."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
