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
_KEEP_ALIVE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A serving certificate and its key, as PEM files."""

    certificate: Path
    key: Path
    client_authority: Path | None = None
    """If given, clients may show certificates that it signed; requests carry them as ASGI's `tls` extension says."""


class _PeerProtocol(HttpToolsProtocol):
    """HTTP/1.1 that tells the application which certificate the client showed, and lets it reset the connection.

    What it answers within one turn of the loop it sends at once.
    """

    _extensions: dict[str, dict[object, object]]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(CorkedTransport(transport, self.loop))
        peer = transport.get_extra_info("ssl_object")
        shown = peer.getpeercert(binary_form=True) if peer is not None else None
        self._extensions = {"reset": {"call": partial(_reset, transport)}}
        if shown:
            self._extensions["tls"] = {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(shown)]}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._extensions


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


async def serve_asgi(app: AsgiApp, listener: socket.socket, tls: KeyFiles | None = None) -> None:
    """Serve on a listening socket until cancelled, then close it and give requests a second to end."""
    speed = loop_speed()  # clients wait by the wall clock
    authority = tls.client_authority if tls else None
    server = _EmbeddedServer(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=_PeerProtocol if authority else "httptools",
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
        detail = error.strerror or str(error)
        raise OpError("serving.listen", ErrorKind.UNAVAILABLE, f"{host}:{port}", detail) from error
