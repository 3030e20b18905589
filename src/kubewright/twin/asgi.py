"""The twin over HTTP: an ASGI application around `ApiServer.handle`.

It reads a request, says who asks, and sends the answer, a watch line by line. Who asks is said by a client certificate
or a bearer token; without either it is `system:anonymous`. Large answers are compressed for clients that ask for it.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from kubewright.client.transport import Request, Response
from kubewright.clock import loop_speed
from kubewright.twin.access.credentials import certificate_user
from kubewright.twin.access.impersonation import SEPARATOR
from kubewright.twin.access.users import ANONYMOUS, User
from kubewright.twin.answers import document
from kubewright.twin.server import ApiServer
from kubewright.twin.status import StatusError, internal, not_in_time, too_large, unauthorized

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_log = logging.getLogger(__name__)
_COMPRESSED_FROM_BYTES = 128 * 1024
_PIECE_BYTES = 256 * 1024
_MAX_BODY_BYTES = 3 * 1024 * 1024
BODY_SECONDS = 60.0


class AsgiApp:
    """ASGI 3; its lifespan does nothing, since the server starts nothing."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        try:
            answer = await self._answer(scope, headers, receive)
        except ConnectionResetError:
            await _reset(scope, receive)
            return
        except ConnectionAbortedError:
            return
        response = msgspec.structs.replace(answer, headers={**answer.headers, "audit-id": self._audit_id(headers)})
        if response.stream is None:
            await _send_whole(response, headers, send, with_body=scope["method"] != "HEAD")
        else:
            await _send_stream(response, receive, send)

    async def _answer(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> Response:
        try:
            user = self._authenticate(scope, headers)
            body = await _body(receive, headers)
        except StatusError as error:
            return document(error.body(), error.code)
        query = read_query(scope["query_string"])
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        try:
            return await self._counted(Request(scope["method"], path, query, headers, body), user)
        except ConnectionResetError:
            raise
        except Exception:  # noqa: BLE001  a defect in answering one request must not end the connection's others
            _log.exception("%s %s", scope["method"], path)
            error = internal("see the server's log")
            return document(error.body(), error.code)

    async def _counted(self, request: Request, user: User) -> Response:
        """Answer, and count the answer for the server's own metrics."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        response = await self._server.handle(request, user)
        self._server.requests.count(self._server.kinds, request, response.status, loop.time() - began)
        return response

    def _audit_id(self, headers: Mapping[str, str]) -> str:
        """Name the request as its client does, or by its number: ids need only differ, and runs stay alike."""
        return headers.get("audit-id") or f"00000000-0000-0000-0000-{next(self._numbers):012x}"

    def _authenticate(self, scope: Scope, headers: Mapping[str, str]) -> User:
        """Say who asks; raises 401 for a token that is nobody's."""
        for pem in scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())[:1]:
            user = certificate_user(pem)
            if user is not None:
                return user
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        user = self._server.tokens.user_of(token)
        if user is None:
            raise unauthorized()
        return user


def read_query(text: bytes) -> dict[str, str]:
    """Read a query as Go does: a repeated parameter is as it was first, and one that does not decode is left out."""
    query: dict[str, str] = {}
    for pair in text.split(b"&"):
        if not pair or b";" in pair or _BAD_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition(b"=")
        query.setdefault(_unescaped(name), _unescaped(value))
    return query


def _unescaped(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode(errors="replace")


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = (SEPARATOR if name.startswith("impersonate-") else ", ").join(values)
    return headers


async def _body(receive: Receive, headers: Mapping[str, str]) -> bytes:
    """Read the whole body; raises 413, 504 for one that does not end, and ConnectionAbortedError for half of one."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > _MAX_BODY_BYTES:
        raise too_large(_MAX_BODY_BYTES)
    try:
        async with asyncio.timeout(BODY_SECONDS * loop_speed()):
            return await _all_of(receive)
    except TimeoutError:
        raise not_in_time() from None


async def _all_of(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > _MAX_BODY_BYTES:
            raise too_large(_MAX_BODY_BYTES)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _send_whole(response: Response, headers: Mapping[str, str], send: Send, *, with_body: bool = True) -> None:
    body, sent = response.body, dict(response.headers)
    if len(body) >= _COMPRESSED_FROM_BYTES and "gzip" in headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        sent["content-encoding"] = "gzip"
    sent["content-length"] = str(len(body))
    await _start(response.status, sent, send)
    if with_body and len(body) > _PIECE_BYTES:
        # Piece by piece, the client reads while the rest is encrypted, and others are answered in between.
        whole = memoryview(body)
        for start in range(0, len(body), _PIECE_BYTES):
            await send({"type": "http.response.body", "body": whole[start : start + _PIECE_BYTES], "more_body": True})
            await asyncio.sleep(0)
        body = b""
    await send({"type": "http.response.body", "body": body if with_body else b""})


async def _send_stream(response: Response, receive: Receive, send: Send) -> None:
    """Send chunks as they come until the stream ends or the client is gone."""
    stream = response.stream
    if stream is None:
        return
    await _start(response.status, response.headers, send)
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(_close_when_gone(receive, stream))
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _close_when_gone(receive: Receive, stream: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    await stream.aclose()


async def _reset(scope: Scope, receive: Receive) -> None:
    """Cut the connection without a word, as far as the server that carries it can."""
    reset = scope.get("extensions", {}).get("reset")
    if reset is not None:
        reset["call"]()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _start(status: int, headers: Mapping[str, str], send: Send) -> None:
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
