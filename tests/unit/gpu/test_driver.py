"""NVIDIA's management library as the agent asks it: of a GPU that falls off the bus nothing but the GPU is lost."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from kubewright.gpu.driver import Nvml


class NVMLError(Exception):
    pass


class Library(ModuleType):
    """NVML of two GPUs; those in `lost` have fallen off the bus."""

    NVMLError = NVMLError
    nvmlEventTypeXidCriticalError = 8  # noqa: N815  NVML's name

    def __init__(self):
        super().__init__("pynvml")
        self.lost = set()
        self.events = []

    def _there(self, handle):
        if handle in self.lost:
            raise NVMLError("GPU is lost")
        return handle

    def nvmlInit(self):
        pass

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        return self._there(index)

    def nvmlEventSetCreate(self):
        return self.events

    def nvmlDeviceRegisterEvents(self, handle, kind, events):
        self._there(handle)

    def nvmlDeviceGetUUID(self, handle):
        return f"GPU-{self._there(handle)}"

    def nvmlDeviceGetName(self, handle):
        return "NVIDIA A30" if self._there(handle) else "NVIDIA A2"

    def nvmlDeviceGetMemoryInfo(self, handle):
        self._there(handle)
        return SimpleNamespace(total=24 << 30)

    def nvmlDeviceGetPciInfo(self, handle):
        return SimpleNamespace(busId=f"00000000:0{self._there(handle)}:00.0")

    def nvmlEventSetWait_v2(self, events, timeout_ms):
        if self.lost or not events:
            raise NVMLError("GPU is lost" if self.lost else "Timeout")
        handle, code = events.pop()
        return SimpleNamespace(device=handle, eventData=code)

    def nvmlDeviceGetProcessUtilization(self, handle, since):
        raise NVMLError("not supported")

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        return [SimpleNamespace(pid=70 + self._there(handle), usedGpuMemory=1 << 20)]


@pytest.fixture
def library(monkeypatch):
    made = Library()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def test_a_gpu_that_is_lost_stays_what_it_was_and_the_others_are_metered(library):
    driver = Nvml()
    before = list(driver.gpus())
    assert [(each.number, each.uuid, each.memory_mib) for each in before] == [(0, "GPU-0", 24576), (1, "GPU-1", 24576)]
    library.events.append((1, 79))
    (error,) = driver.errors(1.0)
    assert (error.uuid, error.xid, error.is_of_the_gpu) == ("GPU-1", 79, True)
    library.lost.add(1)
    assert list(driver.gpus()) == before
    assert [(each.uuid, each.pid) for each in driver.processes()] == [("GPU-0", 70)]
    assert driver.errors(1.0) == []


def test_one_that_is_lost_from_the_first_is_said(library):
    library.lost.add(0)
    with pytest.raises(OSError, match="GPU is lost"):
        Nvml()
