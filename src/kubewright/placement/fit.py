"""Can this pod run, and where best? The one place that answers.

    pop -> feasible -> rank -> select -> assume

Whoever places pods or asks what would happen calls `place` on a snapshot, or on a fork of one; nobody places without
the filters. "It does not fit" is a value that says why, node by node, not an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Pod
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.examine import examine, passes, problem_of, promises
from kubewright.placement.filters.resources import enough
from kubewright.placement.nodes import NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.standing import REFUSED, standing

Order: TypeAlias = int | NDArray[np.intp]
"""Which of equally good nodes wins: the first from this column on, or the first in this permutation of the columns.

The caller draws it from its seed; a column is the cheaper of the two by far.
"""
DEFAULT_POLICY = SPREAD


@dataclass(frozen=True, slots=True)
class Fit:
    """The node that was chosen, by its column."""

    row: PodRow
    column: int
    node: str


def place(
    pods: Iterable[Pod], snapshot: ClusterSnapshot, order: Order, policy: Policy = DEFAULT_POLICY
) -> Iterator[Fit | Diagnosis]:
    """Place one pod after the other, each seeing those before it, and yield what became of each."""
    for pod in pods:
        outcome = fit(pod, snapshot, order, policy)
        if isinstance(outcome, Fit):
            snapshot.assume(outcome.row, outcome.column)
        yield outcome


def fit(pod: Pod, snapshot: ClusterSnapshot, order: Order, policy: Policy = DEFAULT_POLICY) -> Fit | Diagnosis:
    """Choose a node for the pod as the snapshot stands, or say why there is none; changes nothing.

    A node that was promised to the pod is taken if it is feasible, whatever else there is.
    """
    found = find(pod, snapshot, order, policy)
    return found if found is not None else examine(snapshot.row(pod), snapshot, policy).diagnosis


def find(
    pod: Pod,
    snapshot: ClusterSnapshot,
    order: Order,
    policy: Policy = DEFAULT_POLICY,
    without: NodeMask | None = None,
) -> Fit | None:
    """Return what `fit` does, but not why there is no node: for a pod that has none, that is most of the work.

    Nodes `without` are passed over, and are there all the same: as if they had been cordoned.
    """
    row = snapshot.row(pod)
    if problem_of(row, snapshot):
        return None
    ranks = ranked(row, snapshot, policy, without)
    column = snapshot.promised_column(pod)
    if column < 0 or ranks[column] == REFUSED:
        column = best(ranks, order)
    return Fit(row, column, snapshot.table.nodes[column].metadata.name) if column >= 0 else None


def ranked(
    row: PodRow, snapshot: ClusterSnapshot, policy: Policy = DEFAULT_POLICY, without: NodeMask | None = None
) -> NodeScores:
    """Return each node's weighted score, REFUSED where it does not pass; shape (n_nodes,), not to be changed."""
    kept = _kept_for_others(row, snapshot, policy) if snapshot.nominated else None
    if kept is not None and without is not None:
        kept |= without
    return standing(row, snapshot, policy).ranks(row, snapshot, without if kept is None else kept)


def _kept_for_others(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> NodeMask:
    """Return the nodes that do not pass once what was promised to others is kept for them."""
    one_by_one = promises(row, snapshot, policy)
    if one_by_one is None:
        return ~enough(row, snapshot.table.allocatable - snapshot.requested - snapshot.promised_ahead_of(row))
    kept = snapshot.table.none()
    for column, fork in one_by_one:
        kept[column] = not passes(row, fork, column, policy)
    return kept


def best(ranks: NodeScores, order: Order) -> int:
    """Return the column of the highest rank, of several the first in the order; -1 if no node passes."""
    if not len(ranks):
        return -1
    if isinstance(order, int):
        column = order + int(ranks[order:].argmax())
        before = int(ranks[:order].argmax()) if order else column
        if ranks[before] > ranks[column]:
            column = before
    else:
        column = int(order[np.argmax((ranks == ranks.max())[order])])
    return -1 if ranks[column] == REFUSED else column


def rank(row: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask, policy: Policy = DEFAULT_POLICY) -> NodeScores:
    """Return each node's weighted score, shape (n_nodes,); only those in `nodes` mean something."""
    total = np.zeros(len(snapshot.table), np.int64)
    for score, weight in policy.scores:
        if score.applies(row, snapshot):
            total += weight * score.score(row, snapshot, nodes)
    return total


def select(nodes: NodeMask, scores: NodeScores, order: Order) -> int:
    """Return the column of the best of `nodes`, which are not none."""
    return best(np.where(nodes, scores, REFUSED), order)
