"""Traces of GPU clusters in the format of Alibaba's cluster-trace-gpu-v2023, and the protocol of the FGD paper on them.

Nodes: sn, cpu_milli, memory_mib, gpu, model. Pods: name, cpu_milli, memory_mib, num_gpu, gpu_milli, and where there are
such, gpu_spec (models, `V100M16|V100M32`), creation_time, deletion_time. Order: a line a seed, 0-based rows in order of
arrival.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from kubewright.devices.columns import GpuColumns
from kubewright.devices.workload import MILLI, GpuRequest


class Policy(Protocol):
    """Chooses a node and its GPUs; books nothing itself."""

    def observe(self, request: GpuRequest) -> None:
        """Hear of an arrival."""
        ...

    def choose(self, request: GpuRequest) -> tuple[int, tuple[int, ...]] | None:
        """Return node and GPUs, or None where no node has room."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run, when as much GPU was asked for as there is."""

    allocated: float
    """Per cent of all GPU."""
    pods: int
    arrived: int
    cpu: float
    """Per cent of all cpu."""


def read_nodes(path: Path) -> GpuColumns:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return GpuColumns(
        [int(row["cpu_milli"]) for row in rows],
        [int(row["memory_mib"]) for row in rows],
        [[MILLI] * int(row["gpu"]) for row in rows],
        [row["model"] for row in rows],
    )


def read_pods(path: Path) -> list[GpuRequest]:
    with path.open() as file:
        return [_request(row) for row in csv.DictReader(file)]


def read_times(path: Path) -> list[tuple[float, float]] | None:
    """Return when each pod came and went, or None if the trace does not say."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    if not rows or "creation_time" not in rows[0]:
        return None
    return [(float(row["creation_time"]), float(row["deletion_time"] or "inf")) for row in rows]


def read_order(path: Path) -> list[list[int]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        return [[int(word) for word in line.split()] for line in file if line.strip()]


def _request(row: dict[str, str]) -> GpuRequest:
    milli = int(row["gpu_milli"] or 0) if int(row["num_gpu"] or 0) else 0
    count = int(row["num_gpu"]) if milli else 0
    models = frozenset(filter(None, (row.get("gpu_spec") or "").split("|")))
    return GpuRequest(int(row["cpu_milli"]), int(row["memory_mib"]), count, milli, models if count else frozenset())


def arrive(
    nodes: GpuColumns, pods: Sequence[GpuRequest], order: Sequence[int], make: Callable[[GpuColumns], Policy]
) -> Outcome:
    """Let pods arrive, none leave and none be tried again; measure around the arrival that asks for the last GPU.

    As published: the mean over the arrivals at which the requests so far, rounded, are 100 % of all GPU.
    Whoever refuses a pod that has a feasible node is not measured but caught.
    """
    capacity, cpu = int(nodes.milli.sum()), int(nodes.cpu.sum())
    policy, everything = make(nodes), np.arange(len(nodes))
    asked = allocated = pods_placed = arrived = 0
    measured: list[float] = []
    for row in order:
        request = pods[row]
        policy.observe(request)
        arrived += 1
        asked += request.gpu_milli
        chosen = policy.choose(request)
        if chosen is None:
            assert not nodes.fits(request, everything).any(), f"{request} was refused, and there is room"
        else:
            column, gpus = chosen
            book(nodes, request, column, gpus)
            allocated += request.gpu_milli
            pods_placed += 1
        share = round(100 * asked / capacity)
        if share == 100:
            measured.append(100 * allocated / capacity)
        elif share > 100:
            break
    used = 100 * (1 - int(nodes.cpu.sum()) / cpu)
    return Outcome(float(np.mean(measured)), pods_placed, arrived, used)


def book(nodes: GpuColumns, request: GpuRequest, column: int, gpus: Sequence[int]) -> None:
    """Book a placement that no policy could have made up."""
    assert len(set(gpus)) == request.count
    assert nodes.fits(request, np.array([column])).all()
    assert all(nodes.milli[column, gpu] >= request.milli for gpu in gpus)
    nodes.take(request, column, gpus)
