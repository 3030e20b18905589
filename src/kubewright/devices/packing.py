"""Which node, and which of its GPUs, costs those who come after the least.

The placement score and the allocator ask `GpuPacking`. It prices a placement by what it takes from the pods that are
likely to come, whose mix it learns from what arrives:

- what one pod of each class could still use of the node (the fragmentation of FGD);
- how many pods of each class the node could still take, with the cpu and memory beside the GPUs, so that neither
  strands the other; pods without GPUs count by their cpu, at a fraction;
- all that weighs more for classes that few models serve, the more so the less of these is left;
- what the part of a GPU would be worth to other shares (`cutting`), and of equals the tightest.

It only orders nodes: a pod that fits somewhere is placed. One set of constants serves every workload.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kubewright.devices.columns import Columns, GpuColumns
from kubewright.devices.cutting import UNIT, values
from kubewright.devices.usable import Reals, Usable, in_order
from kubewright.devices.workload import MILLI, GpuRequest, Mix, Workload

SLOT_WEIGHT = 0.25
"""Of each further pod that a node could take, against what one could use."""
BESIDE_WEIGHT = 0.15
"""Of cpu for pods without GPUs: the cpu that goes with one GPU in this cluster is worth this part of it to them."""
SCARCITY = 2.0
"""Exponent of all free GPUs over those of the models that a class may use."""
CUT_WEIGHT = 10.0
TIGHTNESS = 0.001


@dataclass(slots=True)
class _Costs:
    """What is known of one class: costs, and with what each node was left when they were computed."""

    cost: Reals
    free: NDArray[np.int64]
    """For a share, what the best GPU of each node has free; else 0."""
    version: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Learned:
    """What follows from one look at the mix."""

    usable: Usable
    rated: NDArray[np.int64]
    """The version of each node that `usable` has seen."""
    worth: Reals
    """Of what a GPU has free, to shares, by milli."""


@dataclass(slots=True)
class GpuPacking:
    """Costs of placing pods on nodes, brought up to date only where something changed."""

    nodes: GpuColumns
    mix: Mix = field(default_factory=Mix)
    _known: dict[GpuRequest, _Costs] = field(default_factory=dict[GpuRequest, _Costs])
    _learned: _Learned | None = None

    def observe(self, request: GpuRequest) -> None:
        """Learn that a pod arrived, whether or not it finds a place."""
        self.mix.observe((request,))
        if self.mix.is_due:
            self._learned = None

    def copy(self) -> GpuPacking:
        """Return an independent copy."""
        return GpuPacking(self.nodes.copy(), self.mix.copy())

    def costs(self, request: GpuRequest) -> Reals:
        """Return what placing the pod costs on each node, shape (n_nodes,), infinite where it does not fit."""
        return self._up_to_date(request).cost

    def fits(self, request: GpuRequest, column: int) -> bool:
        """Tell whether a node has room for the pod."""
        return bool(self.nodes.fits(request, np.array([column]))[0])

    def gpus(self, request: GpuRequest, column: int) -> tuple[int, ...]:
        """Return the GPUs of a node to place the pod on; it fits there."""
        if not request.is_share:
            return self.nodes.tightest(request, column)
        free = self._up_to_date(request).free[column]
        return (int(np.argmax(self.nodes.milli[column] == free)),)

    def _mix_learned(self) -> _Learned:
        """Return what follows from the mix, worked out when it is asked for and brought up to date."""
        nodes, learned = self.nodes, self._learned
        if learned is None:
            workload = self.mix.workload()
            classes, shares = in_order(workload)
            usable = Usable(classes, nodes, *_weights(classes, shares, nodes))
            learned = self._learned = _Learned(usable, nodes.version.copy(), _worth_of_shares(workload))
            self._known.clear()
        for column in np.flatnonzero(learned.rated != nodes.version):
            learned.usable.touch(int(column))
            learned.rated[column] = nodes.version[column]
        return learned

    def _up_to_date(self, request: GpuRequest) -> _Costs:
        nodes, learned = self.nodes, self._mix_learned()
        known = self._known.get(request)
        if known is None:
            unset = np.full(len(nodes), -1, np.int64)
            known = self._known[request] = _Costs(np.full(len(nodes), np.inf), np.zeros(len(nodes), np.int64), unset)
        stale = np.flatnonzero(known.version != nodes.version)
        if len(stale):
            known.cost[stale] = np.inf
            known.version[stale] = nodes.version[stale]
            self._price(request, stale[nodes.fits(request, stale)], known, learned)
        return known

    def _price(self, request: GpuRequest, columns: Columns, known: _Costs, learned: _Learned) -> None:
        """Compute the costs on nodes that the request fits on."""
        if not len(columns):
            return
        if request.is_share:
            rows, free = _distinct(self.nodes.milli[columns], request.milli)
            costs = learned.usable.cost(request, columns, rows, free[:, None])
            costs += CUT_WEIGHT * (learned.worth[free] - learned.worth[free - request.milli])
            costs += TIGHTNESS * (free - request.milli) / MILLI
            order = np.lexsort((costs, rows))
            best = order[np.searchsorted(rows, np.arange(len(columns)))]
            known.cost[columns], known.free[columns] = costs[best], free[best]
            return
        free = np.sort(
            np.where(self.nodes.milli[columns] >= max(request.milli, 1), self.nodes.milli[columns], MILLI + 1)
        )
        rows = np.arange(len(columns))
        known.cost[columns] = learned.usable.cost(request, columns, rows, free[:, : request.count])


def _distinct(milli: NDArray[np.int64], asked: int) -> tuple[Columns, NDArray[np.int64]]:
    """Return the different amounts free on GPUs with enough, node by node: rows in ascending order, and amounts."""
    free = np.sort(milli, axis=1)
    fresh = free >= asked
    fresh[:, 1:] &= free[:, 1:] != free[:, :-1]
    rows, gpus = np.nonzero(fresh)
    return rows, free[rows, gpus]


def _weights(classes: tuple[GpuRequest, ...], shares: Reals, nodes: GpuColumns) -> tuple[Reals, Reals]:
    """Return the weights of use and of slots, shape (n_models, n_classes): by share, size, and scarcity."""
    free = np.bincount(nodes.model, nodes.milli.sum(axis=1), len(nodes.models)) + 1.0
    serving = np.array([free @ nodes.allowed(each.models) for each in classes])
    scarcity = (free.sum() / np.maximum(serving, 1.0)) ** SCARCITY
    gpus = np.array([each.gpu_milli / MILLI for each in classes])
    beside = np.array([BESIDE_WEIGHT * each.cpu_milli * (each.count == 0) for each in classes]) / nodes.cpu_per_gpu
    once = shares * scarcity * (gpus > 0.0)
    slots = SLOT_WEIGHT * shares * (scarcity * gpus + beside)
    models = (len(nodes.models), 1)
    return np.tile(once, models), np.tile(slots, models)


def _worth_of_shares(workload: Workload) -> Reals:
    demand: dict[int, float] = {}
    for request, share in zip(workload.classes, workload.shares, strict=True):
        if request.is_share:
            demand[request.milli] = demand.get(request.milli, 0.0) + share
    by_unit = values(demand)
    return by_unit[np.arange(MILLI + 1) // UNIT]
