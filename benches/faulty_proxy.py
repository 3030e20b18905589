"""An HTTP proxy before an API server that refuses, loses and breaks off what passes through it, by a seed.

`scheduler_faults` runs it as a process of its own and points the scheduler at it. Of requests it refuses some with a
conflict or an internal error, carries some out and answers with an error or not at all, and ends watches after a while,
some with an expired version.
"""

from __future__ import annotations

import asyncio
import random
import signal
import ssl
import sys
from collections import Counter

import aiohttp
from aiohttp import web

REFUSED, ANSWER_LOST, BROKEN_OFF = 0.03, 0.01, 0.005
WATCH_SECONDS = (5.0, 25.0)
EXPIRED = 0.1
_HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "accept-encoding"})


class Proxy:
    """Passes requests on to `server`."""

    def __init__(self, server: str, tls: ssl.SSLContext, seed: int) -> None:
        self._server = server
        self._rng = random.Random(seed)  # noqa: S311  mishaps
        self._tls = tls
        self.done: Counter[str] = Counter()

    async def run(self, port: int) -> None:
        """Serve until told to end (SIGTERM), then print what was injected."""
        connector = aiohttp.TCPConnector(limit=0, ssl=self._tls)
        async with aiohttp.ClientSession(connector=connector) as self._session:
            app = web.Application(client_max_size=1 << 24)
            app.router.add_route("*", "/{path:.*}", self._pass)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            told = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
            await told.wait()
        print("injected:", dict(self.done), flush=True)

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch") == "true":
            return await self._watch(request)
        is_write = request.method != "GET"
        if is_write and self._rng.random() < REFUSED:
            code, reason = self._rng.choice([(409, "Conflict"), (500, "InternalError"), (503, "ServiceUnavailable")])
            return self._refuse(code, reason)
        body = await request.read()
        async with await self._forward(request, body) as answer:
            content = await answer.read()
        if is_write and self._rng.random() < ANSWER_LOST:
            self.done["answers lost"] += 1
            return self._refuse(500, "InternalError")
        if is_write and self._rng.random() < BROKEN_OFF:
            self.done["connections broken off"] += 1
            if request.transport is not None:
                request.transport.abort()
        return web.Response(status=answer.status, body=content, content_type=answer.content_type)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("resourceVersion") and self._rng.random() < EXPIRED:
            return self._refuse(410, "Expired")
        response = web.StreamResponse(headers={"content-type": "application/json"})
        try:
            await response.prepare(request)
            async with asyncio.timeout(self._rng.uniform(*WATCH_SECONDS)):
                async with await self._forward(request, b"") as answer:
                    async for chunk in answer.content.iter_any():
                        await response.write(chunk)
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            self.done["watches dropped"] += 1
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _forward(self, request: web.Request, body: bytes) -> aiohttp.ClientResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers["accept-encoding"] = "identity"
        url = f"{self._server}{request.rel_url}"
        limits = aiohttp.ClientTimeout(total=None, sock_read=None)
        return await self._session.request(request.method, url, headers=headers, data=body or None, timeout=limits)

    def _refuse(self, code: int, reason: str) -> web.Response:
        self.done[f"{code} {reason}"] += 1
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
        return web.json_response({**status, "message": "injected"}, status=code)


def main() -> None:
    server, authority, port, seed = sys.argv[1:]
    proxy = Proxy(server, ssl.create_default_context(cafile=authority), int(seed))
    asyncio.run(proxy.run(int(port)))


if __name__ == "__main__":
    main()
