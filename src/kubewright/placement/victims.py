"""Which pods of one node must go so that a pod of higher priority fits: as few, and as unimportant, as will do."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    lower = (each for each in snapshot.on_node[column] if each.row.priority < row.priority)
    found = [each for each in lower if each.row.key not in spared]
    return sorted(found, key=lambda each: (-each.row.priority, started(each.row.pod)))


def victims_on(
    column: int,
    row: PodRow,
    snapshot: ClusterSnapshot,
    policy: Policy,
    budgets: Sequence[PodDisruptionBudget],
    *,
    promised: Sequence[PodRow] = (),
    spared: Container[ObjectKey] = frozenset(),
) -> Victims | None:
    """Return who must go from a node, or None when even all that may go would not help.

    All of lower priority are removed, and then as many spared as can stay: first those that no budget lets go, and
    always the most important first (`SelectVictimsOnNode`). The node is `promised` to some that do not give way.
    """
    lower = lower_pods(row, snapshot, column, spared)
    room: _Room = (
        _Amounts(row, snapshot, column, promised)
        if only_amounts(row, snapshot, policy)
        else _Node(row, snapshot, column, promised, policy)
    )
    for each in lower:
        room.remove(each)
    if not room.fits():
        return None
    protected = dict(zip((each.row.key for each in lower), _protected(lower, budgets), strict=True))
    spared = {each.row.key for each in sorted(lower, key=lambda each: not protected[each.row.key]) if room.spare(each)}
    gone = [each.row for each in lower if each.row.key not in spared]
    return (
        Victims(column, tuple(each.pod for each in gone), sum(protected[each.key] for each in gone)) if gone else None
    )


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
        self._left = [left + amount for left, amount in zip(self._left, self._amounts(placed), strict=True)]

    def fits(self) -> bool:
        """Tell whether nothing is short."""
        return min(self._left, default=0) >= 0

    def spare(self, placed: Placed) -> bool:
        """Put a pod back if that leaves enough."""
        left = [left - amount for left, amount in zip(self._left, self._amounts(placed), strict=True)]
        if min(left, default=0) < 0:
            return False
        self._left = left
        return True

    def _amounts(self, placed: Placed) -> list[int]:
        request = placed.row.request.item
        return [request(resource) for resource in self._rows]


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
