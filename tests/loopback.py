"""Servers of the tests' own on loopback, over aiohttp, that leave nothing behind."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def serving(app: web.Application, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """Serve an application on a free port, and give the port; `options` are the runner's."""
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        # A connection's TLS farewell waits for the other side, and may outlast the case's loop.
        for connection in runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()
