"""Fragmentation gradient descent as published (Weng et al., USENIX ATC'23): what our packing is compared with.

It knows the mix of the whole trace beforehand, which ours has to learn. Its score is cut to whole per cent, and the
first node by name and the first GPU by index win among equals: both matter, by points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kubewright.devices.columns import GpuColumns
from kubewright.devices.usable import Usable, in_order
from kubewright.devices.workload import GpuRequest, Workload

_COVERAGE = 0.95


class Fgd:
    def __init__(self, nodes: GpuColumns, pods: Sequence[GpuRequest]) -> None:
        self.nodes = nodes
        counts = Counter(replace(pod, memory=0) for pod in pods)
        classes, shares = in_order(Workload.of(counts, coverage=_COVERAGE))
        once = np.tile(shares, (len(nodes.models), 1))
        self.usable = Usable(classes, nodes, once, np.zeros_like(once))
        self.known: dict[GpuRequest, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = {}
        self.rated = nodes.version.copy()

    def observe(self, request: GpuRequest) -> None:
        """It has nothing to learn."""

    def choose(self, request: GpuRequest) -> tuple[int, tuple[int, ...]] | None:
        """Return the first node of the best score, and the GPU that gave it."""
        nodes = self.nodes
        for column in np.flatnonzero(self.rated != nodes.version):
            self.usable.touch(int(column))
            self.rated[column] = nodes.version[column]
        if request not in self.known:
            self.known[request] = (np.full(len(nodes), -1), np.zeros(len(nodes), np.int64), np.full(len(nodes), -1))
        score, gpu, version = self.known[request]
        stale = np.flatnonzero(version != nodes.version)
        version[stale], score[stale] = nodes.version[stale], -1
        fitting = stale[nodes.fits(request, stale)]
        if len(fitting):
            self._score(request, fitting, score, gpu)
        column = int(np.argmax(score))
        if score[column] < 0:
            return None
        return column, (int(gpu[column]),) if request.is_share else nodes.tightest(request, column)

    def _score(
        self, request: GpuRequest, columns: NDArray[np.intp], score: NDArray[np.int64], gpu: NDArray[np.int64]
    ) -> None:
        milli = self.nodes.milli[columns]
        if request.is_share:
            rows, gpus = np.nonzero(milli >= request.milli)
            free = milli[rows, gpus][:, None]
        else:
            rows, gpus = np.arange(len(columns)), np.zeros(len(columns), np.intp)
            free = np.sort(milli, axis=1)[:, ::-1][:, : request.count]
        lost = self.usable.cost(request, columns, rows, free)
        less_fragmented = request.gpu_milli / 1000 - lost
        cut = (100 / (1 + np.exp(-less_fragmented))).astype(np.int64)
        first = np.searchsorted(rows, np.arange(len(columns)))
        best = np.maximum.reduceat(cut, first)
        for row, (start, top) in enumerate(zip(first, best, strict=True)):
            at = start + int(np.argmax(cut[start:] == top))
            score[columns[row]], gpu[columns[row]] = top, gpus[at]
