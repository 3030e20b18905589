"""Follows the kernel's log (`/dev/kmsg`), a record at a time, at a bounded pace."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from kubewright.errors import ErrorKind, OpError
from kubewright.healing.agent.kernel import MOST_BYTES, Record, parse

_log = logging.getLogger(__name__)

DEVICE = Path("/dev/kmsg")
_AT_ONCE = 64
_PAUSE_SECONDS = 0.05
"""A kernel that floods its log is read at 64 records in so long; what it overwrites meanwhile is lost to all."""


class KernelLog:
    """Calls `tell` with each record, those first that are there already."""

    def __init__(self, tell: Callable[[Record], None], device: Path = DEVICE) -> None:
        self._tell = tell
        self._device = device
        self._rest = b""

    async def run(self) -> None:
        """Follow it until cancelled; raises OpError where it cannot be opened."""
        try:
            file = os.open(self._device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise OpError("agent.log", ErrorKind.UNAVAILABLE, str(self._device), str(error)) from error
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(file, ready.set)
        try:
            while True:
                await ready.wait()
                ready.clear()
                if self._take(file):
                    await asyncio.sleep(_PAUSE_SECONDS)
                    ready.set()
        finally:
            loop.remove_reader(file)
            os.close(file)

    def _take(self, file: int) -> bool:
        """Read what is there; return whether there may be more."""
        for _ in range(_AT_ONCE):
            try:
                data = os.read(file, MOST_BYTES)
            except BlockingIOError:
                return False
            except OSError as error:
                # The kernel has overwritten what was not read yet, and goes on with the oldest that it has.
                _log.warning("some of the kernel's log is lost: %s", error)
                continue
            if not data:
                return True  # a pipe without a writer: look again in a while
            self._split(data)
        return True

    def _split(self, data: bytes) -> None:
        """Tell of each record; lines that begin with a space go on with the one before, and are not read."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[-MOST_BYTES:]
        for line in lines:
            record = parse(line) if line[:1] != b" " else None
            if record is not None:
                self._tell(record)
