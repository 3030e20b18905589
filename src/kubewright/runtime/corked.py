"""A transport that gathers what is written within one turn of the loop, and sends it at once.

uvicorn writes the head of an answer, its body, and each event of a watch by themselves. Over TLS each is a record and a
system call of its own, which for small answers costs as much as finding them.
"""

from __future__ import annotations

import asyncio
from typing import Any

_GATHERED_BYTES = 64 * 1024
"""So much is sent without waiting for more, so that the flow control of the transport below has its say."""


class CorkedTransport(asyncio.Transport):
    """Hands everything but writes to the transport below."""

    def __init__(self, below: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._below = below
        self._loop = loop
        self._written: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data by the end of this turn."""
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(bytes(data))
        self._size += len(data)
        if self._size >= _GATHERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._written:
            data = b"".join(self._written)
            self._written.clear()
            self._size = 0
            self._below.write(data)

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        self._below.close()

    def abort(self) -> None:
        """Close at once; what was not sent is lost."""
        self._written.clear()
        self._below.abort()

    def is_closing(self) -> bool:
        """Tell whether nothing can be written any more."""
        return self._below.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport below knows."""
        return self._below.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Let the peer wait."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Let the peer go on."""
        self._below.resume_reading()
