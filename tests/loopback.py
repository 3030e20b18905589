"""Servers of the tests' own on loopback, over aiohttp, that leave nothing behind."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web


@asynccontextmanager
async def serving(app: web.Application, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """Serve an application on a free port, and give the port; `options` are the runner's."""
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    accepting = asyncio.create_task(_accept(listener, runner, tls))  # noqa: TID251  ended below, whatever happens
    try:
        yield listener.getsockname()[1]
    finally:
        # Handshakes under way end first: a server of asyncio's would let them outlast it, and the case's loop.
        accepting.cancel()
        with suppress(asyncio.CancelledError):
            await accepting
        listener.close()
        # A connection's TLS farewell waits for the other side, and may outlast the case's loop too.
        for connection in runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()


async def _accept(listener: socket.socket, runner: web.AppRunner, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()

    async def connect(connection: socket.socket) -> None:
        with suppress(OSError):  # the client went, or does not trust the certificate
            await loop.connect_accepted_socket(runner.server, connection, ssl=tls)

    async with asyncio.TaskGroup() as handshakes:
        while True:
            connection, _ = await loop.sock_accept(listener)
            handshakes.create_task(connect(connection))
            # It begins at once: of one that is cancelled before, nobody would close the connection.
            await asyncio.sleep(0)
