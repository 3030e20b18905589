"""ASGI applications on sockets: health endpoints, and the twin's API server over TLS.

uvicorn is embedded without its signal handlers: the program that embeds it has its own (`shutdown`), and the caller's
cancellation ends it.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kubewright.clock import loop_speed
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.corked import CorkedTransport

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_NO_LINGER = struct.pack("ii", 1, 0)
_SHUTDOWN_SECONDS = 1
_KEEP_ALIVE_SECONDS = 90
"""As kube-apiserver: longer than any client keeps an idle connection, so that none is closed as a request sets out."""
MOST_HEAD_BYTES = 1024 * 1024
"""Of a request's line and headers, as Go's servers take; about as much, since it is looked at between reads."""
HEAD_SECONDS = 32.0
"""So long a client may take until its request's headers are complete."""
STALLED_SECONDS = 60.0
"""So long a client may leave unread what waits to be sent."""
_HEAD_TOO_LARGE = b"431 Request Header Fields Too Large"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A serving certificate and its key, as PEM files."""

    certificate: Path
    key: Path
    client_authority: Path | None = None
    """If given, clients may show certificates that it signed; requests carry them as ASGI's `tls` extension says."""


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that tells the application which certificate the client showed, and lets it reset the connection.

    What it answers within one turn of the loop it sends at once. Clients that send headers without end, that never end
    them, or that stop reading, are cut off.
    """

    _extensions: dict[str, dict[object, object]]
    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(CorkedTransport(transport, self.loop))
        peer = transport.get_extra_info("ssl_object")
        shown = peer.getpeercert(binary_form=True) if peer is not None else None
        self._extensions = {"reset": {"call": partial(_reset, transport)}}
        if shown:
            self._extensions["tls"] = {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(shown)]}
        self._head_timer = self._cut_after(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse_head()
        if self._head_timer is None and self.cycle.response_complete:
            # No request is under way, and uvicorn's own timer for idle connections was put off by the data.
            self._head_timer = self._cut_after(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head = False
        self._head_timer = _cancelled(self._head_timer)

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self._cut_after(STALLED_SECONDS)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall_timer = _cancelled(self._stall_timer)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._head_timer, self._stall_timer = _cancelled(self._head_timer), _cancelled(self._stall_timer)

    def _refuse_head(self) -> None:
        said = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 " + _HEAD_TOO_LARGE + b"\r\n" + said + _HEAD_TOO_LARGE)
        self.transport.close()

    def _cut_after(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds * loop_speed(), self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that its peer sees a reset rather than an end."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Not every loop's transport shows a socket whose options can be set; a copy of its descriptor always can.
        with socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class _EmbeddedServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve_asgi(
    app: AsgiApp,
    listener: socket.socket,
    tls: KeyFiles | None = None,
    *,
    on_tls: Callable[[ssl.SSLContext], None] | None = None,
) -> None:
    """Serve on a listening socket until cancelled, then close it and give requests a second to end.

    `on_tls` is given the context that connections are made with: whoever renews the certificate loads it there.
    """
    speed = loop_speed()  # clients wait by the wall clock
    authority = tls.client_authority if tls else None
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http=_Protocol,
        ws="none",
        server_header=False,
        proxy_headers=False,
        ssl_certfile=str(tls.certificate) if tls else None,
        ssl_keyfile=str(tls.key) if tls else None,
        ssl_ca_certs=str(authority) if authority else None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if authority else ssl.CERT_NONE,
        timeout_keep_alive=math.ceil(_KEEP_ALIVE_SECONDS * speed),
        timeout_graceful_shutdown=math.ceil(_SHUTDOWN_SECONDS * speed),
    )
    config.load()
    if on_tls is not None and config.ssl is not None:
        on_tls(config.ssl)
    server = _EmbeddedServer(config)
    try:
        await server.serve(sockets=[listener])
    except asyncio.CancelledError:
        if server.started:
            await server.shutdown(sockets=[listener])
        raise
    finally:
        listener.close()
        for connection in tuple(server.server_state.connections):
            # A request that does not end, or a TLS handshake that ended after the others were told to close.
            connection.transport.abort()


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on; port 0 takes a free one. Raises OpError when the address cannot be had."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        detail = error.strerror or str(error)
        raise OpError("serving.listen", ErrorKind.UNAVAILABLE, f"{host}:{port}", detail) from error
