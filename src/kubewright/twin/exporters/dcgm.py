"""A DCGM exporter's `/metrics`: the GPUs of a node, and which container each belongs to.

Names are those of dcgm-exporter's default counters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubewright.twin.exporters.devices import Gpu
from kubewright.twin.exporters.sources import NodeUse
from kubewright.twin.exporters.text import Family, counter, gauge, labels

_IDLE_WATTS = 60.0
_BUSY_WATTS = 640.0
_IDLE_CELSIUS = 32.0
_BUSY_CELSIUS = 45.0
_SM_CLOCK_MHZ = (345.0, 1980.0)
_MEMORY_CLOCK_MHZ = 2619.0
_NVLINK_BYTES_PER_SECOND = 2e11
_PCIE_BYTES_PER_SECOND = 1e10


@dataclass(frozen=True, slots=True)
class _Field:
    """One DCGM field; `value` is of a GPU and its node's uptime in seconds."""

    family: Family
    value: Callable[[Gpu, float], float]


def _gauge(name: str, text: str, value: Callable[[Gpu, float], float]) -> _Field:
    return _Field(gauge(f"DCGM_FI_{name}", text), value)


def _counter(name: str, text: str, value: Callable[[Gpu, float], float]) -> _Field:
    return _Field(counter(f"DCGM_FI_{name}", text), value)


def _clock(gpu: Gpu, _uptime: float) -> float:
    low, high = _SM_CLOCK_MHZ
    return high if gpu.duty > 0 else low


def _power(gpu: Gpu, _uptime: float) -> float:
    return _IDLE_WATTS + _BUSY_WATTS * gpu.duty


def _energy(gpu: Gpu, uptime: float) -> float:
    return 1000.0 * (_IDLE_WATTS * uptime + _BUSY_WATTS * gpu.duty_seconds)


def _used(gpu: Gpu, _uptime: float) -> float:
    return gpu.memory_mib * gpu.memory_share


def _free(gpu: Gpu, _uptime: float) -> float:
    return gpu.memory_mib * (1 - gpu.memory_share)


def _zero(_gpu: Gpu, _uptime: float) -> float:
    return 0.0


_FIELDS = (
    _gauge("DEV_SM_CLOCK", "SM clock frequency (in MHz).", _clock),
    _gauge("DEV_MEM_CLOCK", "Memory clock frequency (in MHz).", lambda _gpu, _uptime: _MEMORY_CLOCK_MHZ),
    _gauge("DEV_MEMORY_TEMP", "Memory temperature (in C).", lambda gpu, _: _IDLE_CELSIUS + 8 + 50 * gpu.duty),
    _gauge("DEV_GPU_TEMP", "GPU temperature (in C).", lambda gpu, _: _IDLE_CELSIUS + _BUSY_CELSIUS * gpu.duty),
    _gauge("DEV_POWER_USAGE", "Power draw (in W).", _power),
    _counter("DEV_TOTAL_ENERGY_CONSUMPTION", "Total energy consumption since boot (in mJ).", _energy),
    _counter("DEV_PCIE_REPLAY_COUNTER", "Total number of PCIe retries.", _zero),
    _gauge("DEV_GPU_UTIL", "GPU utilization (in %).", lambda gpu, _: float(round(100 * gpu.duty))),
    _gauge("DEV_MEM_COPY_UTIL", "Memory utilization (in %).", lambda gpu, _: float(round(60 * gpu.duty))),
    _gauge("DEV_ENC_UTIL", "Encoder utilization (in %).", _zero),
    _gauge("DEV_DEC_UTIL", "Decoder utilization (in %).", _zero),
    _gauge("DEV_XID_ERRORS", "Value of the last XID error encountered.", lambda gpu, _: float(gpu.ailment.xid)),
    _gauge("DEV_FB_FREE", "Framebuffer memory free (in MiB).", _free),
    _gauge("DEV_FB_USED", "Framebuffer memory used (in MiB).", _used),
    _counter(
        "DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "Number of remapped rows for uncorrectable errors",
        lambda gpu, _: float(gpu.ailment.uncorrectable_rows),
    ),
    _counter(
        "DEV_CORRECTABLE_REMAPPED_ROWS",
        "Number of remapped rows for correctable errors",
        lambda gpu, _: float(gpu.ailment.correctable_rows),
    ),
    _gauge(
        "DEV_ROW_REMAP_FAILURE", "Whether remapping of rows has failed", lambda gpu, _: float(gpu.ailment.remap_failed)
    ),
    _counter(
        "DEV_NVLINK_BANDWIDTH_TOTAL",
        "Total number of NVLink bandwidth counters for all lanes.",
        lambda gpu, _: gpu.duty_seconds * _NVLINK_BYTES_PER_SECOND,
    ),
    _gauge("DEV_VGPU_LICENSE_STATUS", "vGPU License status", _zero),
    _gauge("PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.", lambda gpu, _: gpu.duty),
    _gauge("PROF_SM_ACTIVE", "The ratio of cycles an SM has at least 1 warp assigned.", lambda gpu, _: 0.9 * gpu.duty),
    _gauge("PROF_SM_OCCUPANCY", "The ratio of number of warps resident on an SM.", lambda gpu, _: 0.4 * gpu.duty),
    _gauge(
        "PROF_PIPE_TENSOR_ACTIVE", "Ratio of cycles the tensor (HMMA) pipe is active.", lambda gpu, _: 0.55 * gpu.duty
    ),
    _gauge("PROF_DRAM_ACTIVE", "Ratio of cycles the device memory interface is active.", lambda gpu, _: 0.6 * gpu.duty),
    _gauge(
        "PROF_PCIE_TX_BYTES",
        "The rate of data transmitted over the PCIe bus.",
        lambda gpu, _: gpu.duty * _PCIE_BYTES_PER_SECOND,
    ),
    _gauge(
        "PROF_PCIE_RX_BYTES",
        "The rate of data received over the PCIe bus.",
        lambda gpu, _: gpu.duty * _PCIE_BYTES_PER_SECOND,
    ),
)


def dcgm(use: NodeUse, gpus: list[Gpu]) -> str:
    """Write the metrics of a node's GPUs; nothing for a node without any."""
    found = [(_labels(use, gpu), gpu) for gpu in gpus]
    uptime = use.uptime_seconds
    return "".join(
        [field.family.write([(given, field.value(gpu, uptime)) for given, gpu in found]) for field in _FIELDS]
    )


def _labels(use: NodeUse, gpu: Gpu) -> str:
    device = labels(
        gpu=str(gpu.index),
        UUID=gpu.uuid,
        pci_bus_id=f"00000000:{gpu.index + 1:02X}:00.0",
        device=f"nvidia{gpu.index}",
        modelName=gpu.model,
        Hostname=use.node.metadata.name,
        DCGM_FI_DRIVER_VERSION="570.86.15",
    )
    if gpu.holder is None:
        return device
    pod, container = gpu.holder
    holder = labels(container=container, namespace=pod.metadata.namespace, pod=pod.metadata.name)
    return f"{device},{holder}"
