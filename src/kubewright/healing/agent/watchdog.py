"""The machine's watchdog: a timer of the hardware, or of the kernel (`softdog`), that resets the machine.

Once it is opened it runs; whoever ends in good order disarms it by the letter V.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

from kubewright.api.nodeagent import WATCHDOG_SECONDS
from kubewright.errors import ErrorKind, OpError

_SET_TIMEOUT = 0xC0045706
_GET_TIMEOUT = 0x80045707
DEVICE = Path("/dev/watchdog")


class Watchdog:
    """An armed watchdog."""

    def __init__(self, device: Path = DEVICE) -> None:
        """Arm it for `WATCHDOG_SECONDS`; raises OpError where there is none that resets as soon as that."""
        try:
            self._file = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise OpError("agent.watchdog", ErrorKind.UNAVAILABLE, str(device), str(error)) from error
        seconds = self._set(int(WATCHDOG_SECONDS))
        if seconds > WATCHDOG_SECONDS:
            self.disarm()
            detail = f"it resets after {seconds} s and not {WATCHDOG_SECONDS:g}"
            raise OpError("agent.watchdog", ErrorKind.INVALID, str(device), detail)

    def _set(self, seconds: int) -> int:
        """Set its time, and return what it has made of that; a file that is no device has no time to set."""
        try:
            fcntl.ioctl(self._file, _SET_TIMEOUT, struct.pack("i", seconds))
            return int(struct.unpack("i", fcntl.ioctl(self._file, _GET_TIMEOUT, struct.pack("i", 0)))[0])
        except OSError as error:
            self.disarm()
            raise OpError("agent.watchdog", ErrorKind.UNAVAILABLE, "its timeout", str(error)) from error

    def wait(self) -> None:
        """Have it wait once more."""
        os.write(self._file, b"\0")

    def disarm(self) -> None:
        """Let nothing happen from now on."""
        if self._file >= 0:
            os.write(self._file, b"V")
            os.close(self._file)
            self._file = -1
