"""How much of each node's free GPUs the pods of a workload could use: the measure behind fragmentation.

For one class of pods a node is of use if one such pod would fit, and then every GPU with enough free for it is
usable; what remains of the free GPUs is fragmented (Weng et al., "Beware of Fragmentation", USENIX ATC'23). Beyond that
paper, a node has as many slots for a class as pods of it would fit one after the other, cpu and memory included.

Everything is a sum over GPUs of a function of what one has free, so the change of a GPU costs two look-ups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kubewright.devices.columns import Columns, GpuColumns
from kubewright.devices.workload import MILLI, GpuRequest, Workload

Reals = NDArray[np.float64]
Singles = NDArray[np.float32]
"""Tables and all that has a column for each class: half the memory to read, and exact for counts."""
_UNBOUNDED = 1e9
"""Slots that GPUs leave to pods that need none."""


def fragmentation(workload: Workload, nodes: GpuColumns) -> Reals:
    """Return F_n(M) of each node, shape (n_nodes,): the free GPUs that the workload's pods expect not to use."""
    classes, shares = in_order(workload)
    once = np.tile(shares, (len(nodes.models), 1))
    usable = Usable(classes, nodes, once, np.zeros_like(once))
    return nodes.milli.sum(axis=1) / MILLI * shares.sum() - usable.worth


def in_order(workload: Workload) -> tuple[tuple[GpuRequest, ...], Reals]:
    """Return classes and shares as `Usable` takes them: those that want several GPUs last."""
    order = sorted(range(len(workload.classes)), key=lambda index: workload.classes[index].count > 1)
    return tuple(workload.classes[index] for index in order), np.array([workload.shares[index] for index in order])


class Usable:
    """What each node is worth to the classes, weighted: `worth`, shape (n_nodes,), in GPUs times the weights.

    `once` weighs what one pod of a class could use, `slots` each slot for it, both of shape (n_models, n_classes).
    """

    __slots__ = (
        "_cpu",
        "_lost",
        "_memory",
        "_nodes",
        "_once",
        "_room",
        "_room_of",
        "_several",
        "_slots",
        "_use",
        "_use_of",
        "worth",
    )

    def __init__(self, classes: Sequence[GpuRequest], nodes: GpuColumns, once: Reals, slots: Reals) -> None:
        """Build the tables and rate every node; classes that want several GPUs come last."""
        self._nodes = nodes
        allowed = np.array([nodes.allowed(each.models) | (each.count == 0) for each in classes]).T
        allowed = allowed.reshape(len(nodes.models), len(classes))
        self._once: Singles = (once * allowed).astype(np.float32)
        self._slots: Singles = (slots * allowed).astype(np.float32)
        self._cpu = np.array([max(each.cpu_milli, 1) for each in classes], np.float64)
        self._memory = np.array([max(each.memory, 1) for each in classes], np.float64)
        self._several = np.array([each.count for each in classes if each.count > 1], np.float32)
        self._room_of, self._use_of = _tables(classes)
        self._lost: dict[int, tuple[Singles, Singles]] = {}
        without = np.array([_UNBOUNDED * (each.count == 0) for each in classes], np.float32)
        self._room: Singles = self._room_of[nodes.milli].sum(axis=1) + without
        """GPUs' places for pods of each class, before cpu and memory are looked at, shape (n_nodes, n_classes)."""
        self._use: Singles = self._use_of[nodes.milli].sum(axis=1)
        self.worth = self._rate(nodes.model, self._beside(nodes.cpu, nodes.memory), self._room, self._use)

    def touch(self, column: int) -> None:
        """Bring a node up to date after what is free of it changed."""
        nodes, one = self._nodes, np.array([column])
        free = nodes.milli[column]
        without = self._room[column] >= _UNBOUNDED
        self._room[column] = self._room_of[free].sum(axis=0) + _UNBOUNDED * without
        self._use[column] = self._use_of[free].sum(axis=0)
        beside = self._beside(nodes.cpu[one], nodes.memory[one])
        self.worth[column] = self._rate(nodes.model[one], beside, self._room[one], self._use[one])[0]

    def worth_after(self, request: GpuRequest, columns: Columns, rows: Columns, free: NDArray[np.int64]) -> Reals:
        """Return what nodes would be worth with a request booked, for each of several ways to book it, shape (n_ways,).

        Way w books on node `columns[rows[w]]`, on GPUs of which `free[w]`, shape (count,), is free now.
        """
        nodes = self._nodes
        room, use = self._room[columns[rows]], self._use[columns[rows]]
        if request.count:
            room_lost, use_lost = self._lost_by(request.milli)
            for gpu in range(free.shape[1]):
                room -= room_lost[free[:, gpu]]
                use -= use_lost[free[:, gpu]]
        beside = self._beside(nodes.cpu[columns] - request.cpu_milli, nodes.memory[columns] - request.memory)
        return self._rate(nodes.model[columns][rows], beside[rows], room, use)

    def cost(self, request: GpuRequest, columns: Columns, rows: Columns, free: NDArray[np.int64]) -> Reals:
        """Return how much less nodes would be worth, for each of these ways."""
        return self.worth[columns[rows]] - self.worth_after(request, columns, rows, free)

    def _beside(self, cpu: NDArray[np.int64], memory: NDArray[np.int64]) -> Singles:
        """Return how many pods of each class the cpu and memory of nodes have room for, shape (n, n_classes)."""
        room = np.minimum(cpu[:, None] / self._cpu, memory[:, None] / self._memory)
        return np.floor(room).astype(np.float32)

    def _rate(self, model: Columns, beside: Singles, room: Singles, use: Singles) -> Reals:
        """Return the weighted worth of each row, shape (n,)."""
        if len(self._several):
            room = room.copy()
            room[:, -len(self._several) :] = np.floor(room[:, -len(self._several) :] / self._several)
        slots = np.minimum(beside, room)
        total = np.einsum("wm,wm->w", use * (slots >= 1.0), self._once[model])
        total += np.einsum("wm,wm->w", slots, self._slots[model])
        return total.astype(np.float64)

    def _lost_by(self, milli: int) -> tuple[Singles, Singles]:
        """Return what a GPU loses of room and use when it gives this much away, by what it has free: (1001, n)."""
        tables = self._lost.get(milli)
        if tables is None:
            after = np.maximum(np.arange(MILLI + 1) - milli, 0)
            tables = self._lost[milli] = (self._room_of - self._room_of[after], self._use_of - self._use_of[after])
        return tables


def _tables(classes: Sequence[GpuRequest]) -> tuple[Singles, Singles]:
    """Return, by what a GPU has free, how many pods of each class it has room for and how much of it they can use."""
    free = np.arange(MILLI + 1)[:, None]
    asked = np.array([each.milli if each.count else MILLI + 1 for each in classes])[None, :]
    several = np.array([each.count > 1 for each in classes])[None, :]
    enough = free >= asked
    room = np.where(several, enough, free // np.maximum(asked, 1))
    return room.astype(np.float32), np.where(enough, free / MILLI, 0.0).astype(np.float32)
