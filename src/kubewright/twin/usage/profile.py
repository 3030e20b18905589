"""How one container uses what it gets, and how a fault changes that. Pure data.

The kubelet reads memory and storage, exporters everything, and whoever injects faults calls `overlay`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kubewright.twin.usage.curve import Curve, constant

NOTHING = constant(0.0)


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that reach an app; all ready pods that name the app share them."""

    app: str
    """The app's name in its namespace."""
    total: Curve
    """Requests a second of the whole app."""
    cpu_seconds: float = 0.005
    """What one request costs."""
    latency_seconds: float = 0.02
    """The median answer's time while there is nothing to wait for."""
    error_ratio: float = 0.0
    request_bytes: float = 1_000.0
    response_bytes: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a container uses over time, besides what its share of a load costs."""

    cpu: Curve = NOTHING
    """Cores."""
    memory: Curve = NOTHING
    """Bytes of the working set."""
    storage: Curve = NOTHING
    """Bytes of the writable layer and logs."""
    receive: Curve = NOTHING
    """Bytes a second."""
    transmit: Curve = NOTHING
    """Bytes a second."""
    gpu: Curve = NOTHING
    """Duty of each of its GPUs, 0 to 1."""
    gpu_memory: Curve = NOTHING
    """Share of each of its GPUs' memory, 0 to 1."""
    load: Load | None = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a fault or an experiment adds to a profile."""

    cpu_cores: float = 0.0
    cpu_factor: float = 1.0
    memory_bytes: float = 0.0
    memory_bytes_per_second: float = 0.0
    storage_bytes: float = 0.0
    storage_bytes_per_second: float = 0.0
    request_cpu_factor: float = 1.0
    latency_seconds: float = 0.0
    latency_factor: float = 1.0
    error_ratio: float = 0.0
    """Added to the load's own; together 1 at most."""
    load_factor: float = 1.0
    gpu_factor: float = 1.0


def overlay(profile: Profile, change: Overlay, now: float, started_at: float) -> Profile:
    """Return the profile for what comes after `now`; several overlays compose in any order but for factors.

    Growth begins at `now`, or at the container's start if that is later: lay it on anew when a container restarts.
    To lift an overlay go back to the profile without it.
    """
    begin = max(now, started_at)
    return replace(
        profile,
        cpu=profile.cpu.map(lambda cores: cores * change.cpu_factor + change.cpu_cores),
        memory=profile.memory.raised(change.memory_bytes, change.memory_bytes_per_second, begin, started_at),
        storage=profile.storage.raised(change.storage_bytes, change.storage_bytes_per_second, begin, started_at),
        gpu=profile.gpu.map(lambda duty: min(1.0, duty * change.gpu_factor)),
        load=None if profile.load is None else _overlaid(profile.load, change),
    )


def _overlaid(load: Load, change: Overlay) -> Load:
    return replace(
        load,
        total=load.total.map(lambda requests: requests * change.load_factor),
        cpu_seconds=load.cpu_seconds * change.request_cpu_factor,
        latency_seconds=load.latency_seconds * change.latency_factor + change.latency_seconds,
        error_ratio=min(1.0, load.error_ratio + change.error_ratio),
    )
