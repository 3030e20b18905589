"""What keeps lives cheap and the terminal clean: watches that last, a collector that rests, logs that are off."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from kubewright.client.inprocess import InProcessTransport
from kubewright.client.transport import Request, Response
from kubewright.runtime.heap import keep_many_objects

_LASTING = {"timeoutSeconds": "7200"}


class LastingWatches(InProcessTransport):
    """A transport whose watches end only where a fault ends them: a life lasts minutes, as they otherwise would."""

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Carry a request."""
        if stream and request.query.get("watch") == "true":
            request = msgspec.structs.replace(request, query={**request.query, **_LASTING})
        return await super().send(request, stream=stream)


@contextmanager
def unlogged(level: int) -> Generator[None]:
    """Keep what is logged up to a level from the terminal."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def undistracted() -> Generator[None]:
    """Keep what operators log under faults from the terminal, and what stays from being looked through as garbage."""
    threshold = gc.get_threshold()
    keep_many_objects()
    try:
        with unlogged(logging.CRITICAL):
            yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
