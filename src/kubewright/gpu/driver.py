"""The GPUs of this machine: through NVML, or in tests through anything of the same shape."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kubewright.devices.xids import APPLICATION_XIDS
from kubewright.gpu.messages import MISSING


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; `number` is what the scheduler calls it, `uuid` what containers do."""

    number: int
    uuid: str
    model: str
    memory_mib: int
    numa: int | None = None


@dataclass(frozen=True, slots=True)
class XidError:
    """The driver reported an error of a GPU."""

    uuid: str
    xid: int

    @property
    def is_of_the_gpu(self) -> bool:
        """Return whether the GPU is to be used no more."""
        return self.xid not in APPLICATION_XIDS


@dataclass(frozen=True, slots=True)
class Process:
    """A program on a GPU, by the number that the host has for it."""

    uuid: str
    """Of its GPU."""
    pid: int
    memory_bytes: int
    sm_percent: float
    """How busy it kept the GPU's multiprocessors of late; 0 where nobody measured."""


class DeviceDriver(Protocol):
    """What the agent asks of the hardware."""

    def gpus(self) -> Sequence[Gpu]:
        """Return the GPUs in the order of their numbers."""
        ...

    def errors(self, timeout_seconds: float) -> Sequence[XidError]:
        """Wait so long for errors and return them; called in a thread."""
        ...

    def processes(self) -> Sequence[Process]:
        """Return what runs on the GPUs; called in a thread."""
        ...


class Nvml:
    """The driver by NVIDIA's management library."""

    def __init__(self) -> None:
        """Load the library; raises ImportError where the extra is missing, OSError where there is no driver."""
        try:
            self._nvml: Any = importlib.import_module("pynvml")
        except ImportError as error:
            raise ImportError(MISSING) from error
        try:
            self._nvml.nvmlInit()
            self._handles = [
                self._nvml.nvmlDeviceGetHandleByIndex(index) for index in range(self._nvml.nvmlDeviceGetCount())
            ]
            self._gpus = [self._gpu(number, handle) for number, handle in enumerate(self._handles)]
            self._events = self._nvml.nvmlEventSetCreate()
            self._seen: dict[int, int] = {}
            for handle in self._handles:
                self._listen(handle)
        except self._nvml.NVMLError as error:
            raise OSError(f"NVML does not answer: {error}") from error

    def gpus(self) -> Sequence[Gpu]:
        """Return the GPUs that NVML listed at first: one that falls off the bus no longer says what it is."""
        return self._gpus

    def _gpu(self, number: int, handle: Any) -> Gpu:
        nvml = self._nvml
        return Gpu(
            number,
            str(nvml.nvmlDeviceGetUUID(handle)),
            str(nvml.nvmlDeviceGetName(handle)),
            int(nvml.nvmlDeviceGetMemoryInfo(handle).total) // 1024**2,
            _numa(str(nvml.nvmlDeviceGetPciInfo(handle).busId)),
        )

    def errors(self, timeout_seconds: float) -> Sequence[XidError]:
        """Wait for one critical error."""
        nvml = self._nvml
        try:
            event = nvml.nvmlEventSetWait_v2(self._events, int(timeout_seconds * 1000))
            return [XidError(str(nvml.nvmlDeviceGetUUID(event.device)), int(event.eventData))]
        except nvml.NVMLError:
            return []  # nothing within that time, or a GPU that does not even tell its name

    def processes(self) -> Sequence[Process]:
        """Return the compute processes, with how busy they were since this was asked last."""
        found: list[Process] = []
        for number, handle in enumerate(self._handles):
            try:
                found += self._processes_of(number, handle)
            except self._nvml.NVMLError:
                continue  # a GPU that fell off the bus has none
        return found

    def _processes_of(self, number: int, handle: Any) -> Iterator[Process]:
        nvml = self._nvml
        uuid = str(nvml.nvmlDeviceGetUUID(handle))
        busy: dict[int, tuple[int, float]] = {}
        try:
            for sample in nvml.nvmlDeviceGetProcessUtilization(handle, self._seen.get(number, 0)):
                latest = busy.get(int(sample.pid), (0, 0.0))
                busy[int(sample.pid)] = max(latest, (int(sample.timeStamp), float(sample.smUtil)))
        except nvml.NVMLError:
            busy = {}  # nothing new, or a GPU that does not measure it
        self._seen[number] = max((at for at, _ in busy.values()), default=self._seen.get(number, 0))
        for each in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
            sm_percent = busy.get(int(each.pid), (0, 0.0))[1]
            yield Process(uuid, int(each.pid), int(each.usedGpuMemory or 0), sm_percent)

    def _listen(self, handle: Any) -> None:
        try:
            self._nvml.nvmlDeviceRegisterEvents(handle, self._nvml.nvmlEventTypeXidCriticalError, self._events)
        except self._nvml.NVMLError:
            return  # an old GPU that reports none


def _numa(bus: str) -> int | None:
    domain, _, rest = bus.lower().partition(":")
    path = Path("/sys/bus/pci/devices") / f"{domain[-4:]}:{rest}" / "numa_node"
    try:
        node = int(path.read_text())
    except (OSError, ValueError):
        return None
    return node if node >= 0 else None
