"""Pods that come and go by a trace's own times, on clusters so small that at the busiest moment they cannot all run.

A pod that finds no room is gone, and what counts is how much of the GPU asked for was served. The cluster is thinned
evenly over its nodes until the peak of the demand is the given multiple of its GPUs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from benches.openb.traces import Policy, book
from kubewright.devices.columns import GpuColumns
from kubewright.devices.workload import GpuRequest

LOADS = (1.3, 1.6, 2.0)
Times = Sequence[tuple[float, float]]


def come_and_go(
    nodes: GpuColumns,
    pods: Sequence[GpuRequest],
    times: Times,
    load: float,
    make: Callable[[GpuColumns], Policy],
) -> float:
    """Return the per cent of all GPU asked for that was served, one load."""
    small = thinned(nodes, peak(pods, times) / load / float(nodes.milli.sum()))
    policy, everything = make(small), np.arange(len(small))
    leaving: list[tuple[float, int, int, tuple[int, ...]]] = []
    asked = served = 0
    for row in sorted(range(len(pods)), key=lambda each: (times[each][0], each)):
        now, until = times[row]
        while leaving and leaving[0][0] <= now:
            _, gone, column, gpus = heapq.heappop(leaving)
            small.give(pods[gone], column, gpus)
        request = pods[row]
        policy.observe(request)
        asked += request.gpu_milli
        chosen = policy.choose(request)
        if chosen is None:
            assert not small.fits(request, everything).any(), f"{request} was refused, and there is room"
            continue
        column, gpus = chosen
        book(small, request, column, gpus)
        served += request.gpu_milli
        heapq.heappush(leaving, (until, row, column, gpus))
    return 100 * served / asked


def peak(pods: Sequence[GpuRequest], times: Times) -> float:
    """Return the most GPU milli that is asked for at once."""
    changes = sorted(
        change
        for pod, (begin, end) in zip(pods, times, strict=True)
        for change in ((begin, pod.gpu_milli), (end, -pod.gpu_milli))
    )
    return float(np.cumsum([amount for _, amount in changes]).max())


def thinned(nodes: GpuColumns, part: float) -> GpuColumns:
    """Return this part of the nodes, of each model alike."""
    by_model = np.argsort(nodes.model, kind="stable")
    kept = by_model[np.floor(np.arange(1, len(nodes) + 1) * part) > np.floor(np.arange(len(nodes)) * part)]
    return GpuColumns(
        nodes.cpu[kept].tolist(),
        nodes.memory[kept].tolist(),
        [[int(each) for each in free if each] for free in nodes.milli[kept]],
        [nodes.models[model] for model in nodes.model[kept]],
    )
