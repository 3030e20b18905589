"""Which pods of one node must go so that a pod of higher priority fits: as few, and as unimportant, as will do."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import add, sub
from typing import Protocol

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.api.policy import PodDisruptionBudget
from kubewright.placement.examine import only_amounts, passes
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import Policy
from kubewright.placement.snapshot import ClusterSnapshot, Placed

NOT_STARTED = float("inf")
"""A pod that has not started yet counts as if it began now."""


@dataclass(frozen=True, slots=True)
class Victims:
    """What it costs to make room on one node."""

    column: int
    pods: tuple[Pod, ...]
    """The most important first."""
    n_violations: int
    """How many of them no budget lets go."""

    @property
    def cost(self) -> tuple[int, int, int, int, float]:
        """Return what the cheapest node is chosen by (`pickOneNodeForPreemption`): less is better."""
        highest = self.pods[0].spec.priority
        total = sum(pod.spec.priority + 2**31 for pod in self.pods)
        began = min(started(pod) for pod in self.pods if pod.spec.priority == highest)
        return self.n_violations, highest, total, len(self.pods), -began


def started(pod: Pod) -> float:
    """Return when the pod began to run, in seconds since 1970."""
    return parse_time(pod.status.start_time) if pod.status.start_time else NOT_STARTED


def lower_pods(
    row: PodRow, snapshot: ClusterSnapshot, column: int, spared: Container[ObjectKey] = frozenset()
) -> list[Placed]:
    """Return the pods of a node that have a lower priority: the most important first, of equals the oldest."""
    priority = row.priority
    found = [each for each in snapshot.on_node[column] if each.row.priority < priority]
    if spared:
        found = [each for each in found if each.row.key not in spared]
    return sorted(found, key=lambda each: (-each.row.priority, started(each.row.pod)))


class RoomSearch:
    """Who must go from one node or another for a pod; those that are `spared` stay whatever their priority."""

    def __init__(
        self,
        row: PodRow,
        snapshot: ClusterSnapshot,
        policy: Policy,
        budgets: Iterable[PodDisruptionBudget] = (),
        spared: Container[ObjectKey] = frozenset(),
    ) -> None:
        self._row = row
        self._snapshot = snapshot
        self._policy = policy
        self._budgets = sorted(budgets, key=lambda each: each.key)
        self._spared = spared
        self._ahead = snapshot.ahead_of(row)
        self._only_amounts = only_amounts(row, snapshot, policy)

    def lower(self, column: int) -> list[Placed]:
        """Return the pods of a node that might go."""
        return lower_pods(self._row, self._snapshot, column, self._spared)

    def victims(self, column: int, lower: Sequence[Placed]) -> Victims | None:
        """Return who of `lower` must go from a node, or None when even all of them would not help.

        All are removed, and then as many spared as can stay: first those that no budget lets go, and always the most
        important first (`SelectVictimsOnNode`).
        """
        room = self._room(column)
        for each in lower:
            room.remove(each)
        if not room.fits():
            return None
        protected = list(_protected(lower, self._budgets)) if self._budgets else [False] * len(lower)
        by_worth = sorted(range(len(lower)), key=lambda number: not protected[number])
        stay = {number for number in by_worth if room.spare(lower[number])}
        gone = [number for number in range(len(lower)) if number not in stay]
        pods = tuple(lower[number].row.pod for number in gone)
        return Victims(column, pods, sum(protected[number] for number in gone)) if gone else None

    def _room(self, column: int) -> _Room:
        promised = self._ahead.get(column, ())
        if self._only_amounts:
            return _Amounts(self._row, self._snapshot, column, promised)
        return _Node(self._row, self._snapshot, column, promised, self._policy)


def _protected(pods: Iterable[Placed], budgets: Sequence[PodDisruptionBudget]) -> Iterator[bool]:
    """Tell of each pod in turn whether a budget forbids that it goes, after those before it."""
    left = [each.status.disruptions_allowed for each in budgets]
    for placed in pods:
        pod = placed.row.pod
        is_protected = False
        for number, budget in enumerate(budgets):
            if not is_protected and covers(budget, pod):
                left[number] -= 1
                is_protected = left[number] < 0
        yield is_protected


def covers(budget: PodDisruptionBudget, pod: Pod) -> bool:
    """Tell whether a budget says anything about a pod, and does not know yet that it goes."""
    selector = budget.spec.selector
    if budget.metadata.namespace != pod.metadata.namespace or not pod.metadata.labels or selector is None:
        return False
    if not selector.match_labels and not selector.match_expressions:
        return False
    return selector.matches(pod.metadata.labels) and pod.metadata.name not in budget.status.disrupted_pods


class _Room(Protocol):
    """A node from which pods are taken, and to which they are given back."""

    def remove(self, placed: Placed) -> None:
        """Take a pod off."""
        ...

    def fits(self) -> bool:
        """Tell whether the pod that wants room fits by now."""
        ...

    def spare(self, placed: Placed) -> bool:
        """Put a pod back if the one that wants room still fits; tell whether it could stay."""
        ...


class _Amounts:
    """Only what is left of what the pod requests."""

    def __init__(self, row: PodRow, snapshot: ClusterSnapshot, column: int, promised: Iterable[PodRow]) -> None:
        self._rows = [resource for resource, _ in row.shape.wanted]
        free = snapshot.table.allocatable[:, column] - snapshot.requested[:, column] - row.request
        for each in promised:
            free = free - each.request
        self._left = [int(free[resource]) for resource in self._rows]

    def remove(self, placed: Placed) -> None:
        """Take a pod off."""
        self._left = [*map(add, self._left, self._amounts(placed))]

    def fits(self) -> bool:
        """Tell whether nothing is short."""
        return min(self._left, default=0) >= 0

    def spare(self, placed: Placed) -> bool:
        """Put a pod back if that leaves enough."""
        left = [*map(sub, self._left, self._amounts(placed))]
        if min(left, default=0) < 0:
            return False
        self._left = left
        return True

    def _amounts(self, placed: Placed) -> list[int]:
        return [*map(placed.row.request.item, self._rows)]


class _Node:
    """All filters, on a fork; with and without the pods that the node is promised to."""

    def __init__(
        self, row: PodRow, snapshot: ClusterSnapshot, column: int, promised: Sequence[PodRow], policy: Policy
    ) -> None:
        self._row = row
        self._policy = policy
        self._column = column
        self._promised = promised
        self._trial = snapshot.fork()

    def remove(self, placed: Placed) -> None:
        """Take a pod off."""
        self._trial.forget(placed.row.key)

    def fits(self) -> bool:
        """Tell whether the node passes."""
        if not passes(self._row, self._trial, self._column, self._policy):
            return False
        if not self._promised:
            return True
        kept = self._trial.fork()
        for each in self._promised:
            kept.assume(each, self._column)
        return passes(self._row, kept, self._column, self._policy)

    def spare(self, placed: Placed) -> bool:
        """Put a pod back if the node still passes."""
        self._trial.assume(placed.row, self._column)
        if self.fits():
            return True
        self._trial.forget(placed.row.key)
        return False
