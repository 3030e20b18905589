"""Defragmentation: how many more GPUs can be given out after so many migrations, on Alibaba's trace.

    python -m benches.gpu_defrag [--data DIR --trace default --seeds 2 --budgets 10,50]

A cluster is filled by the product's policy until all of its GPU was asked for, and a tenth of its pods, as
the seed draws them, end. Then pods go on arriving in that order, those without GPUs left out, until as much was asked
for as is free: allocatable is what of it found room. Nobody else leaves, so the difference is the migrations'.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benches.gpu import find_data, listed
from benches.openb.traces import book, read_nodes, read_order, read_pods
from benches.report import Result, report, result
from kubewright.devices.defragment import Held, defragment
from kubewright.devices.packing import GpuPacking
from kubewright.devices.workload import MILLI, GpuRequest

FILL = 1.0
ENDED = 0.1


def fill(packing: GpuPacking, pods: Sequence[GpuRequest], order: Sequence[int], until: int) -> tuple[list[Held], int]:
    """Place pods in order until so much GPU was asked for; returns who has what, and how far the order got."""
    held: list[Held] = []
    asked = 0
    for number, row in enumerate(order):
        if asked >= until:
            return held, number
        packing.observe(pods[row])
        placed = place(packing, number, pods[row])
        held += [placed] if placed else []
        asked += pods[row].gpu_milli
    return held, len(order)


def place(packing: GpuPacking, number: int, request: GpuRequest) -> Held | None:
    costs = packing.costs(request)
    column = int(np.argmin(costs))
    if not np.isfinite(costs[column]):
        return None
    gpus = packing.gpus(request, column)
    book(packing.nodes, request, column, gpus)
    return Held(number, request, column, gpus)


def allocatable(packing: GpuPacking, pods: Sequence[GpuRequest]) -> float:
    """Return how many GPUs pods that go on arriving get, of those that are free."""
    packing = packing.copy()
    free = int(packing.nodes.milli.sum())
    asked = got = 0
    for request in pods:
        if asked >= free:
            break
        if request.count:
            asked += request.gpu_milli
            got += request.gpu_milli if place(packing, 0, request) else 0
    return got / MILLI


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=find_data())
    parser.add_argument("--trace", default="default")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--budgets", default="10,50")
    options = parser.parse_args()
    traces = listed(options.data, [options.trace])
    if not traces:
        report("gpu_defrag", [])
        return
    pods, order = read_pods(traces[0].pods), read_order(traces[0].order)
    budgets = [int(each) for each in options.budgets.split(",")]
    before: list[float] = []
    after: dict[int, list[float]] = {each: [] for each in budgets}
    for seed in range(options.seeds):
        packing = GpuPacking(read_nodes(traces[0].nodes))
        capacity = int(packing.nodes.milli.sum())
        held, reached = fill(packing, pods, order[seed], int(FILL * capacity))
        random.Random(seed).shuffle(held)  # noqa: S311  a draw that can be repeated
        for each in held[: int(ENDED * len(held))]:
            packing.nodes.give(each.request, each.column, each.gpus)
        held = held[int(ENDED * len(held)) :]
        coming = [pods[row] for row in (*order[seed][reached:], *order[seed][:reached])]
        before.append(allocatable(packing, coming))
        moves = defragment(packing, held, max(budgets))
        by_pod = {each.pod: each for each in held}
        for number, move in enumerate(moves, 1):
            one = by_pod[move.pod]
            packing.nodes.give(one.request, one.column, one.gpus)
            packing.nodes.take(one.request, move.target, move.gpus)
            if number in after:
                after[number].append(allocatable(packing, coming))
        for each in budgets:
            if each > len(moves):
                after[each].append(allocatable(packing, coming))
        shown = ", ".join(f"{after[each][-1]:.1f} after {min(each, len(moves))} moves" for each in budgets)
        print(f"  seed {seed}: {before[-1]:.1f} GPUs before, {shown}", flush=True)
    results: list[Result] = [result("allocatable before", "GPUs", before)]
    results += [result(f"allocatable after {each} migrations", "GPUs", after[each]) for each in budgets]
    report("gpu_defrag", results)


if __name__ == "__main__":
    main()
