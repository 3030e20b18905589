"""Webhooks on a socket: every replica answers, whoever of them leads."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from kubewright.runtime.operators import Operator
from kubewright.runtime.process import listener
from kubewright.runtime.serving import serve_asgi
from kubewright.runtime.webhooks.keeping import Keeper, Place
from kubewright.runtime.webhooks.reviews import ReviewApp


async def serve_webhooks(operator: Operator, place: Place, address: str) -> None:
    """Serve an operator's webhooks at `HOST:PORT` until cancelled, and keep their certificate; raises OpError."""
    if operator.webhooks.empty:
        return
    socket = listener(address)
    with tempfile.TemporaryDirectory(prefix="webhooks-") as folder:
        keeper = Keeper(operator.client, operator.clock, operator.webhooks, place, Path(folder))
        await operator.install()  # a definition's conversion can only be set once it is there
        await keeper.renew()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_asgi(ReviewApp(operator.webhooks), socket, keeper.files, on_tls=keeper.follow))
            tasks.create_task(keeper.run())
