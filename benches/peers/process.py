"""A process that is measured from outside, by what the kernel keeps of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.1
QUIET_SECONDS = 1.0
QUIET_CPU_SECONDS = 0.03
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A running process."""

    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """Return the time that it had on a processor, in steps of 10 ms."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """Return the most memory that was resident."""
        line = next(line for line in self._proc("status").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    async def rest(self, until: Callable[[], bool] = lambda: True) -> float:
        """Wait until it has done next to nothing for a second, and return how long it was busy before."""
        loop = asyncio.get_running_loop()
        begun = busy_at = loop.time()
        cpu = self.cpu_seconds()
        while loop.time() - busy_at < QUIET_SECONDS or not until():
            if loop.time() - begun > PATIENCE_SECONDS:
                raise TimeoutError("the operator does not come to rest")
            await asyncio.sleep(LOOK_SECONDS)
            now = self.cpu_seconds()
            if now - cpu > QUIET_CPU_SECONDS:
                cpu, busy_at = now, loop.time()
        return busy_at - begun

    async def must_live(self) -> None:
        """Watch over it until cancelled; raises when it ends."""
        while self.process.poll() is None:  # noqa: ASYNC110  nobody else tells
            await asyncio.sleep(LOOK_SECONDS)
        raise RuntimeError(f"the operator ended with {self.process.returncode}")

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text(encoding="utf-8")
