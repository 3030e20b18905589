"""Small requests on kept HTTP/1.1 connections: the short way that `HttpTransport` sends writes.

A scheduler binds a thousand pods a second, and each binding is a request. What a general HTTP client does around one
(redirects, cookies, compression, bodies that stream) costs several times what the API server's answer does; here a
request is one write and an answer one pass of a parser. Whoever needs more than that takes the long way.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from typing import cast
from urllib.parse import quote, urlencode, urlsplit

import httptools

from kubewright.client.config import ConnectionConfig
from kubewright.client.transport import Request, Response

REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
"""What may be sent again on another connection when a kept one turns out to be closed."""
_UNESCAPED = "/:@!$&'()*+,;=~"
_HTTPS_PORT, _HTTP_PORT = 443, 80


KEPT_SECONDS = 15.0
"""A connection that was idle for longer is not trusted: somebody on the way may have forgotten it."""
_OK = 200
_REMEMBERED = 64


class UnopenedError(Exception):
    """No connection could be opened, so nothing was sent; the cause is an OSError."""


class LostError(Exception):
    """The connection ended, or spoke no HTTP, before the answer was whole."""


class Wire:
    """Connections to one server in the name of one client certificate; opens them as they are needed."""

    def __init__(self, config: ConnectionConfig, tls: ssl.SSLContext | None, connect_seconds: float) -> None:
        url = urlsplit(config.server)
        self._tls = tls
        self._host = url.hostname or ""
        self._port = url.port or (_HTTP_PORT if tls is None else _HTTPS_PORT)
        self._server_name = (config.tls_server_name or self._host) if tls is not None else None
        self._place = url.netloc.rpartition("@")[2]
        self._base = url.path.rstrip("/")
        self._connect_seconds = connect_seconds
        self._idle: list[_Connection] = []
        self._open: dict[_Connection, None] = {}
        self._lines: dict[tuple[tuple[str, str], ...], bytes] = {}

    async def send(self, request: Request, headers: tuple[tuple[str, str], ...], seconds: float) -> Response:
        """Send a request and return its answer.

        Raises UnopenedError, LostError, and TimeoutError after so many seconds.
        """
        data = self._head(request, headers) + request.body
        kept = self._kept()
        if kept is not None:
            try:
                return await kept.exchange(data, seconds)
            except LostError:
                if kept.heard or request.method not in REPEATABLE:
                    raise
        return await (await self._connect()).exchange(data, seconds)

    async def close(self) -> None:
        """Close all connections, and return when they are; requests in flight are lost."""
        connections = tuple(self._open)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.ended for connection in connections))

    def _head(self, request: Request, headers: tuple[tuple[str, str], ...]) -> bytes:
        target = self._base + quote(request.path, safe=_UNESCAPED) + _query(tuple(request.query.items()))
        length = f"content-length: {len(request.body)}\r\n" if request.body else ""
        lines = self._lines.get(headers)
        if lines is None:
            if len(self._lines) >= _REMEMBERED:
                self._lines.clear()
            lines = self._lines[headers] = _header_lines(headers)
        return f"{request.method} {target} HTTP/1.1\r\nhost: {self._place}\r\n{length}".encode() + lines

    def _kept(self) -> _Connection | None:
        """Take the connection that was used last, so that those too many for the load grow old and are closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.idle_seconds() < KEPT_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: _Connection(loop, self._open, self._idle),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._server_name,
                )
        except OSError as error:
            raise UnopenedError from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection, which carries a request at a time; it puts itself among the idle ones after each answer."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, open_: dict[_Connection, None], idle: list[_Connection]
    ) -> None:
        self.heard = False
        """Whether anything of the answer to the last request has come."""
        self.ended = loop.create_future()
        """Done once the connection is closed."""
        self._idle_since = 0.0
        self._loop = loop
        self._open = open_
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    async def exchange(self, data: bytes, seconds: float) -> Response:
        """Send a whole request and wait for its answer; a connection that is given up in between is closed.

        Who is cancelled as the answer has just come leaves it be: it is idle, or somebody else's already.
        """
        self.heard = False
        if self._transport is None or not self.is_open:
            raise LostError("closed by the server")
        answer = self._answer = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._give_up)
        self._transport.write(data)
        try:
            return await answer
        except BaseException:
            if not answer.done() or answer.cancelled() or answer.exception() is not None:
                self.close()
            raise
        finally:
            timer.cancel()

    @property
    def is_open(self) -> bool:
        """Whether nobody has begun to close it."""
        return self._transport is not None and not self._transport.is_closing()

    def idle_seconds(self) -> float:
        """Return how long ago its last answer came."""
        return self._loop.time() - self._idle_since

    def close(self) -> None:
        """Begin to close the connection."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection without a farewell."""
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self) -> None:
        self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport (asyncio calls it)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none of asyncio's classes
        self._open[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what was being asked (asyncio calls it)."""
        self._open.pop(self, None)
        if not self.ended.done():
            self.ended.set_result(None)
        if self in self._idle:
            self._idle.remove(self)
        self._fail(LostError(str(exc) if exc is not None else "closed by the server"))

    def data_received(self, data: bytes) -> None:
        """Parse what came (asyncio calls it)."""
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(LostError(f"this is no HTTP: {error}"))
            self.close()

    def on_message_begin(self) -> None:
        """Begin an answer (the parser calls it)."""
        self._headers, self._body = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header; of those that come more than once, as warnings do, the values are joined by commas."""
        key, text = _lower(name), value.decode("latin-1")
        before = self._headers.get(key)
        self._headers[key] = text if before is None else f"{before}, {text}"

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer over, and be ready for the next request."""
        status = self._parser.get_status_code()
        if status < _OK:
            return  # a word in between; the answer follows
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            self.close()  # nobody asked
            return
        answer.set_result(Response(status, self._headers, b"".join(self._body)))
        if self._parser.should_keep_alive():
            self._idle_since = self._loop.time()
            self._idle.append(self)
        else:
            self.close()


@functools.lru_cache(maxsize=256)
def _query(items: tuple[tuple[str, str], ...]) -> str:
    return f"?{urlencode(items)}" if items else ""


@functools.lru_cache(maxsize=256)
def _lower(name: bytes) -> str:
    """Return a header's name as it is looked up: a server's answers have the same few again and again."""
    return name.decode("latin-1").lower()


def _header_lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    """Return headers as they are sent, with the empty line that ends them; raises ValueError for line breaks."""
    for name, value in headers:
        if any(each in f"{name}{value}" for each in "\r\n\0"):
            raise ValueError(f"the header {name!r} has a line break in it")
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"
