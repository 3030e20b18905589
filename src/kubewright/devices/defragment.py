"""Which pods to move so that more of the free GPUs can be used, at most so many. Pure; it plans and moves nobody.

A pod is worth moving where what its node gains by its going is more than what the node that it goes to loses, both by
the measure that places pods (`packing`). Each step takes the move that gains the most, from the nodes whose free GPUs
are of the least use. So a plan that is cut off after any number of moves is the best of that length that this finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kubewright.devices.packing import GpuPacking
from kubewright.devices.usable import fragmentation
from kubewright.devices.workload import GpuRequest

NODES_A_STEP = 24
LEAST_GAIN = 0.05
"""In GPUs by the measure: a move that gains less is not worth anybody's restart."""


@dataclass(frozen=True, slots=True)
class Held:
    """A placed pod, by the caller's number, with what it has."""

    pod: int
    request: GpuRequest
    column: int
    gpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Migration:
    """One pod's move."""

    pod: int
    source: int
    target: int
    gpus: tuple[int, ...]
    """Of the target, as the pod would be placed if it were moved now, after the moves before."""
    gain: float
    """In GPUs, by the measure that pods are placed by."""


def anywhere(pod: int, column: int) -> bool:
    """Let every pod be moved to every node that has room."""
    del pod, column
    return True


def defragment(
    packing: GpuPacking, held: Sequence[Held], budget: int, may: Callable[[int, int], bool] = anywhere
) -> list[Migration]:
    """Return at most `budget` moves of the pods in `held`, which may all be moved, in order; none of any pod twice.

    `may` says whether a pod may go to a node that has room for it.
    """
    packing = packing.copy()
    workload = packing.mix.workload()
    at: dict[int, list[Held]] = {}
    for each in held:
        if each.request.count:
            at.setdefault(each.column, []).append(each)
    moves: list[Migration] = []
    while len(moves) < budget:
        wasted = fragmentation(workload, packing.nodes)
        columns = sorted((column for column in at if at[column]), key=lambda each: (-wasted[each], each))
        found = [
            move
            for column in columns[:NODES_A_STEP]
            for one in _one_of_each(at[column])
            if (move := _best(packing, one, may)) is not None
        ]
        if not found:
            break
        best = max(found, key=lambda each: (each.gain, -each.pod))
        mover = next(each for each in at[best.source] if each.pod == best.pod)
        at[best.source].remove(mover)
        packing.nodes.give(mover.request, mover.column, mover.gpus)
        packing.nodes.take(mover.request, best.target, best.gpus)
        moves.append(best)
    return moves


def _one_of_each(held: Sequence[Held]) -> list[Held]:
    """Return one of the pods of a node that are alike and on the same GPUs: whichever goes, it is the same."""
    return list({(each.request, each.gpus): each for each in reversed(held)}.values())


def _best(packing: GpuPacking, one: Held, may: Callable[[int, int], bool]) -> Migration | None:
    """Return the best move of one pod, if any is worth it."""
    nodes = packing.nodes
    nodes.give(one.request, one.column, one.gpus)
    try:
        costs = packing.costs(one.request).copy()
        stay = float(costs[one.column])
        costs[one.column] = np.inf
        while True:
            target = int(np.argmin(costs))
            gain = stay - float(costs[target])
            if not gain > LEAST_GAIN:
                return None
            if may(one.pod, target):
                return Migration(one.pod, one.column, target, packing.gpus(one.request, target), gain)
            costs[target] = np.inf
    finally:
        nodes.take(one.request, one.column, one.gpus)
