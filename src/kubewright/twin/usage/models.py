"""Workload models: how a container acts that says little or nothing of itself.

Each draws from a seeded generator, within what the container requests and below its limits, so that a cluster full of
plain pods looks alive and nothing of it breaks by itself; `leak` is the exception that its name says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kubewright.api.pods import Container, Pod
from kubewright.api.quantity import Quantity, approximate
from kubewright.twin.usage.curve import Curve, bursts, constant, growing, through, wave
from kubewright.twin.usage.profile import Profile

GPU_RESOURCE = "nvidia.com/gpu"
_MIB = float(1 << 20)
_SMALL_CPU = 0.1
_MOST = 2.0**63
"""What pods may write beyond this is no amount that anything has."""
_SMALL_MEMORY = 128 * _MIB
_SAFE_SHARE = 0.9
"""Of a memory limit: what no model but `leak` exceeds."""
_WARM_SECONDS = 120.0
_TRAINING_WARMUP_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Room:
    """What a container asked for: cores and bytes."""

    cpu: float
    memory: float
    gpus: float
    cpu_limit: float | None = None
    memory_limit: float | None = None

    def spare_cores(self, own_peak: float) -> float:
        """Return the cores for requests beside its own use: up to its limit, else some, as nodes are not all full."""
        return max(4 * self.cpu, 1.0) if self.cpu_limit is None else max(0.0, self.cpu_limit - own_peak)


def room_of(container: Container) -> Room:
    """Return a container's room; what asks for nothing is taken for something small."""
    requests, limits = container.resources.requests, container.resources.limits
    cpu_limit, memory_limit = _amount(limits, "cpu"), _amount(limits, "memory")
    cpu, memory = _amount(requests, "cpu"), _amount(requests, "memory")
    return Room(
        cpu=cpu or cpu_limit or _SMALL_CPU,
        memory=memory or min(_SMALL_MEMORY, memory_limit or _SMALL_MEMORY),
        gpus=_amount(limits, GPU_RESOURCE) or 0.0,
        cpu_limit=cpu_limit or None,
        memory_limit=memory_limit or None,
    )


def _amount(resources: Mapping[str, Quantity], name: str) -> float | None:
    return min(approximate(resources[name]), _MOST) if name in resources else None


def steady(room: Room, draw: random.Random) -> Profile:
    """Return what an ordinary server uses: an even part of its cpu, and memory that fills in two minutes."""
    return _server(room, draw, constant(room.cpu * draw.uniform(0.15, 0.5)))


def diurnal(room: Room, draw: random.Random) -> Profile:
    """Return what follows the day, at its highest in the early afternoon."""
    low, high = room.cpu * draw.uniform(0.05, 0.2), room.cpu * draw.uniform(0.5, 0.85)
    return _server(room, draw, wave(low, high, draw.uniform(12, 16) * 3600))


def bursty(room: Room, draw: random.Random) -> Profile:
    """Return what idles, and now and then takes all it may."""
    every = draw.uniform(300, 1200)
    return _server(room, draw, bursts(room.cpu * 0.05, room.cpu, every, every * 0.1, delay=draw.uniform(0, every)))


def batch(room: Room, draw: random.Random) -> Profile:
    """Return what computes as hard as it may from its start to its end."""
    return _server(room, draw, constant(room.cpu * draw.uniform(0.85, 1.0)))


def idle(room: Room, draw: random.Random) -> Profile:
    """Return what holds its resources and does nothing."""
    del draw
    return Profile(cpu=constant(min(0.001, room.cpu)), memory=constant(_safe(room, 0.1)))


def leak(room: Room, draw: random.Random) -> Profile:
    """Return what fills its memory request in an hour or so, and does not stop there."""
    begin = _safe(room, 0.3)
    growth = (room.memory - begin) / draw.uniform(2400, 4800)
    return Profile(cpu=constant(room.cpu * draw.uniform(0.15, 0.5)), memory=growing(begin, max(growth, 1.0)))


def gpu_training(room: Room, draw: random.Random) -> Profile:
    """Return a training job: it loads data, then trains in steps, and pauses to evaluate and to write checkpoints."""
    duty, epoch = draw.uniform(0.85, 0.98), draw.uniform(600, 1800)
    pause = epoch * 0.08
    gpu = (0.02, duty, duty, 0.15, 0.15)
    cpu = (0.9, 0.35, 0.35, 0.7, 0.7)
    times = (0.0, _TRAINING_WARMUP_SECONDS, epoch - pause, epoch - pause, epoch)
    return Profile(
        cpu=_phases(times, [room.cpu * share for share in cpu]),
        memory=_filling(_safe(room, draw.uniform(0.6, 0.85))),
        storage=growing(50 * _MIB, 100 * _MIB / epoch),
        receive=constant(draw.uniform(1e6, 2e7)),
        gpu=_phases(times, gpu),
        gpu_memory=through([(0.0, 0.05), (_TRAINING_WARMUP_SECONDS, draw.uniform(0.7, 0.95))]),
    )


def gpu_inference(room: Room, draw: random.Random) -> Profile:
    """Return a model that is served: its memory is full, its duty follows the day."""
    low, high = draw.uniform(0.02, 0.1), draw.uniform(0.3, 0.7)
    peak = draw.uniform(12, 16) * 3600
    return Profile(
        cpu=wave(room.cpu * 0.1, room.cpu * 0.6, peak),
        memory=_filling(_safe(room, draw.uniform(0.5, 0.8))),
        storage=constant(20 * _MIB),
        receive=constant(20_000.0),
        transmit=constant(100_000.0),
        gpu=wave(low, high, peak),
        gpu_memory=through([(0.0, 0.0), (60.0, draw.uniform(0.6, 0.9))]),
    )


Model = Callable[[Room, random.Random], Profile]

MODELS: Mapping[str, Model] = {
    "steady": steady,
    "diurnal": diurnal,
    "bursty": bursty,
    "batch": batch,
    "idle": idle,
    "leak": leak,
    "gpu-training": gpu_training,
    "gpu-inference": gpu_inference,
}


def default_model(pod: Pod, room: Room) -> str:
    """Choose a model by what kind of pod it is."""
    ends = pod.spec.restart_policy != "Always"
    if room.gpus:
        return "gpu-training" if ends else "gpu-inference"
    return "batch" if ends else "steady"


def _server(room: Room, draw: random.Random, cpu: Curve) -> Profile:
    traffic = draw.uniform(2_000, 50_000)
    return Profile(
        cpu=cpu,
        memory=_filling(_safe(room, draw.uniform(0.4, 0.8))),
        storage=constant(draw.uniform(1, 50) * _MIB),
        receive=constant(traffic),
        transmit=constant(traffic * draw.uniform(0.5, 3)),
    )


def _safe(room: Room, share: float) -> float:
    return min(room.memory * share, (room.memory_limit or room.memory) * _SAFE_SHARE)


def _filling(memory: float) -> Curve:
    return through([(0.0, memory * 0.3), (_WARM_SECONDS, memory)])


def _phases(times: tuple[float, ...], values: list[float] | tuple[float, ...]) -> Curve:
    return through(zip(times, values, strict=True), repeat=True)
