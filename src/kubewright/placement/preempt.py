"""Whom a pod that fits nowhere may push aside, and on which node that costs least. Pure: nobody is evicted here.

The scheduler and the twin ask after `fit` found no node, evict the victims, and keep the node for the pod by
`ClusterSnapshot.nominate`. The rules are kube-scheduler's DefaultPreemption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.policy import PodDisruptionBudget
from kubewright.placement.examine import Examination, examine
from kubewright.placement.filters.resources import enough
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.victims import RoomSearch, Victims, lower_pods

MIN_CANDIDATES = 100
MIN_CANDIDATES_SHARE = 10
"""In per cent of the nodes that could help: at least so many ways are compared before the best is taken."""
PREEMPTED = "PreemptionByScheduler"
"""The reason of a victim's condition DisruptionTarget."""
NEVER = "not eligible due to preemptionPolicy=Never."
WAITS = "not eligible due to a terminating pod on the nominated node."
_NO_VICTIMS = "No preemption victims found for incoming pod"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"


@dataclass(frozen=True, slots=True)
class Preemption:
    """Who has to go, and from where."""

    row: PodRow
    column: int
    node: str
    victims: tuple[Pod, ...]
    """The most important first."""
    n_violations: int
    """How many of them go against a budget."""
    outranked: tuple[ObjectKey, ...] = ()
    """Pods of lower priority that the node was promised to: they must look elsewhere."""

    def __str__(self) -> str:
        """Write what kube-scheduler adds to the reasons for which a pod does not fit yet."""
        room = f"found a potential placement for pod on node {self.node}"
        return f"preemption: {room}, preempting {len(self.victims)} victims"


@dataclass(frozen=True, slots=True)
class NoPreemption:
    """Why nobody is pushed aside."""

    n_nodes: int
    reasons: tuple[tuple[str, int], ...] = ()
    """Each reason with the number of nodes that it holds for."""
    problem: str = ""
    """Why no node was even looked at."""

    def __str__(self) -> str:
        """Write what kube-scheduler adds to the reasons for which a pod fits nowhere."""
        if self.problem:
            return f"preemption: {self.problem}"
        listed = ", ".join(sorted(f"{count} {text}" for text, count in self.reasons))
        return f"preemption: 0/{self.n_nodes} nodes are available: {listed}."


def preempt(
    pod: Pod,
    snapshot: ClusterSnapshot,
    order: int,
    budgets: Iterable[PodDisruptionBudget] = (),
    policy: Policy = SPREAD,
    *,
    spared: Container[ObjectKey] = frozenset(),
) -> Preemption | NoPreemption:
    """Find the node on which making room for the pod costs least; of equals the first from column `order` on.

    Pods that are `spared` stay whatever their priority.
    """
    row = snapshot.row(pod)
    n_nodes = len(snapshot.table)
    examined = examine(row, snapshot, policy)
    problem = _problem(row, snapshot, examined)
    if problem:
        return NoPreemption(n_nodes, problem=problem)
    columns = np.flatnonzero(examined.resolvable)
    found: list[Victims] = []
    reasons: Counter[str] = Counter({_NOT_HELPFUL: n_nodes - len(columns)})
    hopeless: list[int] = []
    helpful, search = _enough_without(row, snapshot), RoomSearch(row, snapshot, policy, budgets, spared)
    wanted = max(len(columns) * MIN_CANDIDATES_SHARE // 100, MIN_CANDIDATES)
    for column in _from(columns, order):
        lower = search.lower(column)
        if not lower:
            reasons[_NO_VICTIMS] += 1
            continue
        victims = search.victims(column, lower) if helpful[column] else None
        if victims is None:
            hopeless.append(column)
            continue
        found.append(victims)
        if len(found) >= wanted and not all(each.n_violations for each in found):
            break
    if not found:
        reasons.update(_still_against(row, snapshot, policy, hopeless, search))
        return NoPreemption(n_nodes, tuple(sorted((text, count) for text, count in reasons.items() if count)))
    cheapest = min(found, key=lambda each: each.cost)
    name = snapshot.table.nodes[cheapest.column].metadata.name
    outranked = _outranked(row, snapshot, cheapest.column)
    return Preemption(row, cheapest.column, name, cheapest.pods, cheapest.n_violations, outranked)


def _problem(row: PodRow, snapshot: ClusterSnapshot, examined: Examination) -> str:
    """Tell whether the pod may preempt at all (`PodEligibleToPreemptOthers`)."""
    if row.pod.spec.preemption_policy == "Never":
        return NEVER
    column = snapshot.promised_column(row.pod)
    if column >= 0 and (examined.resolvable[column] or examined.passing[column]):
        going = (each.row.pod for each in lower_pods(row, snapshot, column))
        if any(pod.is_terminating and _was_preempted(pod) for pod in going):
            return WAITS
    return ""


def _was_preempted(pod: Pod) -> bool:
    condition = find_condition(pod.status.conditions, "DisruptionTarget")
    return condition is not None and condition.status == "True" and condition.reason == PREEMPTED


def _enough_without(row: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
    """Return the nodes with enough for the pod if all of lower priority went; most that cannot help are known so."""
    return enough(row, snapshot.table.allocatable - snapshot.requested + snapshot.taken_below(row.priority))


def _still_against(
    row: PodRow, snapshot: ClusterSnapshot, policy: Policy, hopeless: list[int], search: RoomSearch
) -> Counter[str]:
    """Count what stands against these nodes even without the pods of lower priority.

    Each is emptied alone, as kube-scheduler does, but many at once: then pods that were removed elsewhere are missed.
    """
    counts: Counter[str] = Counter()
    groups = [[column] for column in hopeless] if len(hopeless) <= MIN_CANDIDATES else [hopeless]
    for columns in groups:
        fork, among = snapshot.fork(), snapshot.table.none()
        among[columns] = True
        for column in columns:
            for each in search.lower(column):
                fork.forget(each.row.key)
        for refusal in examine(row, fork, policy, among).diagnosis.refusals:
            counts.update(dict(refusal.reasons))
    return counts


def _from(columns: NDArray[np.intp], order: int) -> list[int]:
    start = int(np.searchsorted(columns, order))
    return [*columns[start:].tolist(), *columns[:start].tolist()]


def _outranked(row: PodRow, snapshot: ClusterSnapshot, column: int) -> tuple[ObjectKey, ...]:
    return tuple(
        key
        for key, promised in snapshot.nominated.items()
        if promised.column == column and promised.row.priority < row.priority
    )
