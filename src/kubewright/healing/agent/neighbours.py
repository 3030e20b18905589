"""Whom this node reaches: neighbours at their kubelet's port, and what their agents say of themselves.

An agent tells whoever connects to it, in one line, how long ago it renewed its lease, and closes. It reads nothing, so
there is nothing to send it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from kubewright.api.nodes import KUBELET_PORT

AGENT_PORT = 9402
_LIMIT_SECONDS = 2.0
_LINE_BYTES = 64
MOST_AT_ONCE = 32
"""Who ask this agent; more are turned away."""


async def reaches(address: str, port: int = KUBELET_PORT, limit_seconds: float = _LIMIT_SECONDS) -> bool:
    """Tell whether a machine is there: it takes the connection or refuses it."""
    try:
        async with asyncio.timeout(limit_seconds):
            _, writer = await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    writer.close()
    return True


class Reached:
    """Which neighbours are not reached: those that did not answer twice in a row."""

    def __init__(self, port: int = KUBELET_PORT) -> None:
        self._port = port
        self._missed: frozenset[str] = frozenset()

    async def look(self, neighbours: Mapping[str, str]) -> tuple[str, ...]:
        """Ask all of them at once."""
        answers = await asyncio.gather(*(reaches(address, self._port) for address in neighbours.values()))
        missing = frozenset(name for name, answered in zip(neighbours, answers, strict=True) if not answered)
        found = tuple(sorted(missing & self._missed))
        self._missed = missing
        return found


async def since_renewal(address: str, port: int = AGENT_PORT, limit_seconds: float = _LIMIT_SECONDS) -> float | None:
    """Ask a neighbour's agent how long ago it renewed its lease, in seconds; None if it does not say."""
    try:
        async with asyncio.timeout(limit_seconds):
            reader, writer = await asyncio.open_connection(address, port, limit=_LINE_BYTES)
            try:
                line = await reader.readline()
            finally:
                writer.close()
        return max(float(line), 0.0)
    except (OSError, ValueError):
        return None


async def ask_all(addresses: Iterable[str], port: int = AGENT_PORT) -> list[float | None]:
    """Ask several at once."""
    return list(await asyncio.gather(*(since_renewal(each, port) for each in addresses)))


async def serve(host: str, port: int, since_renewal_seconds: Callable[[], float]) -> asyncio.Server:
    """Tell whoever connects; the caller closes it."""
    here: set[asyncio.StreamWriter] = set()

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(here) < MOST_AT_ONCE:
            here.add(writer)
            try:
                async with asyncio.timeout(_LIMIT_SECONDS):
                    writer.write(b"%.1f\n" % since_renewal_seconds())
                    await writer.drain()
            except OSError:
                pass  # it has gone: that is its affair
            finally:
                here.discard(writer)
        writer.close()

    return await asyncio.start_server(tell, host, port)
