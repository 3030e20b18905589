"""How much of GPUs is there and asked for, in thousandths of whole ones, however they are given out. Pure.

A GPU of one's own is 1000. One of the replicas that NVIDIA's plugin makes by time or MPS is 1000 by their number. A
share by per cent of cores and memory is the larger of the two, as it is placed. A MIG instance is its memory slices of
those that the model has; of a model that is not known, its compute slices of seven.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.devices.mig import geometry_of, profile_of
from kubewright.devices.requests import CORES, GPU, MEMORY_SHARE, PRODUCT, SHARED, counted, has_replicas
from kubewright.devices.workload import MILLI

_TOO_MANY = 1000
"""A node that says it has so many GPUs lies."""
_REPLICAS = "nvidia.com/gpu.replicas"
_PER_CENT = MILLI // 100
_COMPUTE_SLICES = 7


def gpus_asked(amounts: Mapping[str, int], labels: Mapping[str, str]) -> int:
    """Return what a container asks for, on a node with these labels."""
    count = amounts.get(GPU, 0) + amounts.get(SHARED, 0)
    per_cent = max(amounts.get(CORES, 0), amounts.get(MEMORY_SHARE, 0))
    shared = min(per_cent * _PER_CENT, max(count, 1) * MILLI)
    return (shared or count * MILLI // _replicas(labels)) + _instances(amounts, labels)


def gpus_there(capacity: Mapping[str, int], labels: Mapping[str, str]) -> int:
    """Return what a node has; `capacity` are its resources."""
    told = counted(labels)
    if told is not None and told < _TOO_MANY:
        return told * MILLI
    if CORES in capacity:
        return capacity[CORES] // 100 * MILLI
    plain = (capacity.get(GPU, 0) + capacity.get(SHARED, 0)) * MILLI // _replicas(labels)
    # Instances leave some of a GPU over that nobody can ask for: it is paid for all the same.
    return plain + -(-_instances(capacity, labels) // MILLI) * MILLI


def _instances(amounts: Mapping[str, int], labels: Mapping[str, str]) -> int:
    geometry = geometry_of(labels.get(PRODUCT, ""))
    total = 0
    for resource, count in amounts.items():
        name = profile_of(resource)
        if name is None:
            continue
        profile = geometry.profiles.get(name) if geometry is not None else None
        if geometry is None or profile is None:
            total += count * int(name[0]) * MILLI // _COMPUTE_SLICES
        else:
            total += count * profile.size * MILLI // geometry.slices
    return total


def _replicas(labels: Mapping[str, str]) -> int:
    told = labels.get(_REPLICAS, "")
    if not has_replicas(labels) or not (told.isascii() and told.isdigit()):
        return 1
    return max(int(told[:3]), 1)
