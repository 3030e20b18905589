"""What is asked of the node itself: disks, clock, container runtime, kubelet. Each answer is a `Measured`.

Whatever is not there to be asked says nothing, rather than that all is well. Those that may hang are called in threads
or with a limit.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from cryptography import x509

from kubewright.healing.agent.sighting import CERTIFICATE, CLOCK, DISK, KUBELET, READ_ONLY, RESTARTS, RUNTIME, Measured

_VERSION = "/runtime.v1.RuntimeService/Version"
_OUT_OF_ORDER = frozenset({"offline", "transport-offline", "dead", "deleting"})
_RESTARTS = 5
_RESTARTS_WITHIN_SECONDS = 1200.0
_CERTIFICATE_SECONDS = 24 * 3600.0
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are; under a prefix where the host's root is mounted."""

    root: Path = Path("/")
    runtime: Path = Path("/run/containerd/containerd.sock")
    kubelet_port: int = 10248

    def at(self, path: str) -> Path:
        """Return where a path of the host is seen."""
        return self.root / path.lstrip("/")


def filesystems(
    places: Places, paths: Iterable[str] = ("/var/lib/kubelet", "/var/lib/containerd")
) -> Iterator[Measured]:
    """Look whether those that the kubelet and the runtime write to have become read-only."""
    read_only = [path for path in paths if _is_read_only(places.at(path))]
    if read_only:
        yield Measured(READ_ONLY, "FilesystemIsReadOnly", f"{', '.join(read_only)} is mounted read-only")


def _is_read_only(path: Path) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False  # not there: this node has none


def disks(places: Places) -> Iterator[Measured]:
    """Look what the kernel thinks of its disks (SCSI and NVMe)."""
    gone = [
        path.parent.parent.name if path.name == "state" and path.parent.name == "device" else path.parent.name
        for pattern in ("sys/block/*/device/state", "sys/class/nvme/*/state")
        for path in sorted(places.root.glob(pattern))
        if text_of(path) in _OUT_OF_ORDER
    ]
    if gone:
        yield Measured(DISK, "DiskGone", f"{', '.join(dict.fromkeys(gone))} is out of order")


def text_of(path: Path) -> str:
    """Return what a small file says, without space around it; nothing where it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_BYTES).strip()
    except OSError:
        return ""


class _Timex(ctypes.Structure):
    """The kernel's `struct timex`, as far as it is read; the rest is room for what it writes."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


@dataclass(frozen=True, slots=True)
class ClockState:
    """What the kernel knows of its clock."""

    is_kept: bool
    """Whether anybody keeps it."""
    error_seconds: float
    """By how much it may be off at most."""


_NOT_KEPT = 0x40
_MOST_OFF_SECONDS = 0.5


def read_clock() -> ClockState | None:
    """Ask the kernel (adjtimex); None where it cannot be asked."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else ClockState(not timex.status & _NOT_KEPT, timex.maxerror / 1e6)


def clock(state: ClockState | None) -> Iterator[Measured]:
    """Say whether the clock is kept, and well enough."""
    if state is None:
        return
    if not state.is_kept:
        yield Measured(CLOCK, "NTPIsDown", "nobody keeps the clock: the kernel says that it is not synchronised")
    elif state.error_seconds > _MOST_OFF_SECONDS:
        yield Measured(CLOCK, "ClockIsOff", f"the clock may be off by {state.error_seconds:.2f} s")
    else:
        yield Measured(CLOCK)


async def runtime(places: Places, limit_seconds: float = 10.0) -> Measured | None:
    """Ask the container runtime for its version by its socket (CRI); None where there is none to be asked."""
    if not places.runtime.is_socket():
        return None
    try:
        grpc: Any = importlib.import_module("grpc")
    except ImportError:
        return await _connects(places.runtime, limit_seconds)

    def as_is(data: bytes) -> bytes:
        return data

    async with grpc.aio.insecure_channel(f"unix:{places.runtime}") as channel:
        call = channel.unary_unary(_VERSION, request_serializer=as_is, response_deserializer=as_is)
        try:
            await call(b"", timeout=limit_seconds)
        except grpc.aio.AioRpcError as error:
            said = error.details() or error.code().name
            return Measured(RUNTIME, "ContainerRuntimeUnhealthy", f"the container runtime does not answer: {said}")
    return Measured(RUNTIME)


async def _connects(socket: Path, limit_seconds: float) -> Measured:
    """Without gRPC a connection that is taken is all that can be asked for."""
    try:
        async with asyncio.timeout(limit_seconds):
            _, writer = await asyncio.open_unix_connection(socket)
    except OSError as error:  # a TimeoutError, too
        return Measured(RUNTIME, "ContainerRuntimeUnhealthy", f"the container runtime takes no connection: {error}")
    writer.close()
    return Measured(RUNTIME)


async def kubelet(places: Places, limit_seconds: float = 5.0) -> Measured:
    """Ask the kubelet whether it is well (`/healthz` on loopback)."""
    request = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
    try:
        async with asyncio.timeout(limit_seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", places.kubelet_port)
            try:
                writer.write(request)
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError) as error:
        said = str(error) or f"nothing within {limit_seconds:g} s"
        return Measured(KUBELET, "KubeletUnhealthy", f"the kubelet does not answer: {said}")
    if b" 200 " not in line + b" ":
        return Measured(KUBELET, "KubeletUnhealthy", f"the kubelet answers {line.decode('latin-1').strip()[:80]!r}")
    return Measured(KUBELET)


@dataclass(slots=True)
class KubeletRuns:
    """How often the kubelet has begun anew of late."""

    _run: str = ""
    _began: deque[float] = field(default_factory=lambda: deque[float](maxlen=64))

    def look(self, run: str, now: float) -> Measured:
        """Take note of which run of it there is (its number and when it began); nothing while there is none."""
        if run and self._run and run != self._run:
            self._began.append(now)
        self._run = run or self._run
        while self._began and self._began[0] < now - _RESTARTS_WITHIN_SECONDS:
            self._began.popleft()
        if len(self._began) < _RESTARTS:
            return Measured(RESTARTS)
        minutes = _RESTARTS_WITHIN_SECONDS / 60
        return Measured(
            RESTARTS,
            "FrequentKubeletRestart",
            f"the kubelet restarted {len(self._began)} times in {minutes:.0f} minutes",
        )


def kubelet_run(places: Places) -> str:
    """Return which run of the kubelet there is; nothing if none is found."""
    for path in places.at("/proc").glob("[0-9]*/comm"):
        if text_of(path) == "kubelet":
            fields = text_of(path.parent / "stat").rpartition(")")[2].split()
            return f"{path.parent.name}/{fields[_BEGAN]}" if len(fields) > _BEGAN else ""
    return ""


_BEGAN = 19
"""The field of a process's stat after its name that says when it began."""


def certificate(places: Places, now: float) -> Iterator[Measured]:
    """Look how long the certificate is valid with which the kubelet shows who it is."""
    text = text_of(places.at("/var/lib/kubelet/pki/kubelet-client-current.pem"))
    try:
        ends_at = x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc if text else None
    except ValueError:
        ends_at = None
    if ends_at is None:
        return
    if ends_at.timestamp() - now < _CERTIFICATE_SECONDS:
        gone = datetime.fromtimestamp(now, UTC) >= ends_at
        reason = "KubeletCertificateExpired" if gone else "KubeletCertificateExpiring"
        yield Measured(CERTIFICATE, reason, f"the kubelet's certificate ends at {ends_at.isoformat()}")
    else:
        yield Measured(CERTIFICATE)
