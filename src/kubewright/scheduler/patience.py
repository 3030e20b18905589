"""Waiting for what others do for a pod before it is bound: bind its volumes, prepare its devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubewright.errors import ErrorKind, OpError

WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.25


async def until(is_done: Callable[[], bool], op: str, target: str, late: str) -> None:
    """Return once it is done, by the caches that others keep; raises OpError when ten minutes were not enough."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not is_done():  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise OpError(op, ErrorKind.TIMEOUT, target, late) from error
