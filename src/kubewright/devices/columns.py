"""What is free of each node's GPUs, and of what stands beside them, as columns.

The allocator books here; fragmentation and the packing score read. A column is a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kubewright.devices.workload import MILLI, GpuRequest

Columns: TypeAlias = NDArray[np.intp]
"""Shape (n,): the columns of some nodes."""


class GpuColumns:
    """Free cpu, memory and GPU milli of nodes. `take` and `give` change it, one node at a time."""

    __slots__ = ("_allowed", "cpu", "cpu_per_gpu", "has_gpus", "memory", "milli", "model", "models", "version")

    def __init__(
        self, cpu: Sequence[int], memory: Sequence[int], milli: Sequence[Sequence[int]], models: Sequence[str]
    ) -> None:
        """Lay empty nodes out: `milli` has what each GPU of each node offers, `models` each node's GPU model."""
        self.cpu = np.array(cpu, np.int64)
        self.memory = np.array(memory, np.int64)
        self.milli = np.zeros((len(milli), max((len(each) for each in milli), default=0)), np.int64)
        """Shape (n_nodes, n_gpus); 0 where a node has no such GPU, which nothing can use either."""
        for column, each in enumerate(milli):
            self.milli[column, : len(each)] = each
        self.has_gpus = np.array([bool(each) for each in milli], np.bool_)
        self.models = tuple(sorted(set(models)))
        self.model = np.array([self.models.index(each) for each in models], np.intp)
        self.version = np.zeros(len(self.cpu), np.int64)
        """Grows with each change of a node, so that what was computed for it can be told stale."""
        self.cpu_per_gpu = max(float(self.cpu.sum()), 1.0) / max(float(self.milli.sum()) / MILLI, 1.0)
        """How much cpu, in milli, goes with a GPU in the cluster as a whole."""
        self._allowed: dict[frozenset[str], NDArray[np.bool_]] = {}

    def copy(self) -> GpuColumns:
        """Return an independent copy."""
        copy: GpuColumns = GpuColumns.__new__(GpuColumns)
        copy.cpu, copy.memory, copy.milli = self.cpu.copy(), self.memory.copy(), self.milli.copy()
        copy.version, copy.model, copy.models = self.version.copy(), self.model, self.models
        copy.has_gpus, copy.cpu_per_gpu, copy._allowed = self.has_gpus, self.cpu_per_gpu, self._allowed
        return copy

    def __len__(self) -> int:
        return len(self.cpu)

    def allowed(self, models: frozenset[str]) -> NDArray[np.bool_]:
        """Return which of `self.models` a request may use, shape (n_models,); remembered, so not to be changed."""
        mask = self._allowed.get(models)
        if mask is None:
            mask = np.array([not models or each in models for each in self.models], np.bool_)
            self._allowed[models] = mask
        return mask

    def fits(self, request: GpuRequest, columns: Columns) -> NDArray[np.bool_]:
        """Return which of the nodes have room for the request, shape (n,)."""
        mask = (self.cpu[columns] >= request.cpu_milli) & (self.memory[columns] >= request.memory)
        if request.count:
            mask &= (self.milli[columns] >= request.milli).sum(axis=1) >= request.count
            if request.models:
                mask &= self.allowed(request.models)[self.model[columns]]
        return mask

    def tightest(self, request: GpuRequest, column: int) -> tuple[int, ...]:
        """Return the GPUs with least to spare that the request fits on; fewer than it asks for if there are no more."""
        free = self.milli[column]
        fitting = np.flatnonzero(free >= max(request.milli, 1))
        order = fitting[np.argsort(free[fitting], kind="stable")]
        return tuple(int(each) for each in order[: request.count])

    def take(self, request: GpuRequest, column: int, gpus: Sequence[int]) -> None:
        """Book a request on these GPUs of a node."""
        self._change(request, column, gpus, -1)

    def give(self, request: GpuRequest, column: int, gpus: Sequence[int]) -> None:
        """Give back what `take` took."""
        self._change(request, column, gpus, 1)

    def _change(self, request: GpuRequest, column: int, gpus: Sequence[int], sign: int) -> None:
        self.cpu[column] += sign * request.cpu_milli
        self.memory[column] += sign * request.memory
        for gpu in gpus:
            self.milli[column, gpu] += sign * request.milli
        self.version[column] += 1
