"""Can this pod run, and where best? The one place that answers.

    pop -> feasible -> rank -> select -> assume

Whoever places pods or asks what would happen calls `place` on a snapshot, or on a fork of one; nobody places without
the filters. "It does not fit" is a value that says why, node by node, not an error.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Pod
from kubewright.placement.diagnosis import Diagnosis, Refusal
from kubewright.placement.filters import DEFAULT_FILTERS, Filter
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.scores import DEFAULT_SCORES, Score
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import claims_problem

Order: TypeAlias = NDArray[np.intp]
"""A permutation of the columns; among equally good nodes the first in it wins. The caller draws it from its seed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a node must pass, and what makes one better than another (each with its weight)."""

    filters: tuple[Filter, ...] = DEFAULT_FILTERS
    scores: tuple[tuple[Score, int], ...] = DEFAULT_SCORES


@dataclass(frozen=True, slots=True)
class Fit:
    """The node that was chosen, by its column."""

    row: PodRow
    column: int
    node: str


DEFAULT_POLICY = Policy()


def place(
    pods: Iterable[Pod], snapshot: ClusterSnapshot, order: Order, policy: Policy = DEFAULT_POLICY
) -> Iterator[Fit | Diagnosis]:
    """Place one pod after the other, each seeing those before it, and yield what became of each."""
    queue = deque(pods)
    while queue:
        outcome = fit(queue.popleft(), snapshot, order, policy)
        if isinstance(outcome, Fit):
            snapshot.assume(outcome.row, outcome.column)
        yield outcome


def fit(pod: Pod, snapshot: ClusterSnapshot, order: Order, policy: Policy = DEFAULT_POLICY) -> Fit | Diagnosis:
    """Choose a node for the pod as the snapshot stands, or say why there is none; changes nothing."""
    row = snapshot.row(pod)
    nodes, diagnosis = feasible(row, snapshot, policy)
    if not nodes.any():
        return diagnosis
    column = select(nodes, rank(row, snapshot, nodes, policy), order)
    return Fit(row, column, snapshot.table.nodes[column].metadata.name)


def feasible(row: PodRow, snapshot: ClusterSnapshot, policy: Policy = DEFAULT_POLICY) -> tuple[NodeMask, Diagnosis]:
    """Return the nodes that pass every filter, and what refused the others; the first filter that refuses counts."""
    problem = claims_problem(row.pod, snapshot.storage)
    if problem:
        return ~snapshot.table.all(), Diagnosis(len(snapshot.table), problem=problem)
    left = snapshot.table.all()
    refusals: list[Refusal] = []
    for each in policy.filters:
        passed = left & each.mask(row, snapshot)
        refused = left & ~passed
        if refused.any():
            reasons = Counter(each.reasons(row, snapshot, refused))
            refusals.append(Refusal(each.name, int(refused.sum()), tuple(sorted(reasons.items()))))
        left = passed
    return left, Diagnosis(len(snapshot.table), tuple(refusals))


def rank(row: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask, policy: Policy = DEFAULT_POLICY) -> NDArray[np.int64]:
    """Return each node's weighted score, shape (n_nodes,); only those in `nodes` mean something."""
    total = np.zeros(len(snapshot.table), np.int64)
    for score, weight in policy.scores:
        total += weight * score.score(row, snapshot, nodes)
    return total


def select(nodes: NodeMask, scores: NDArray[np.int64], order: Order) -> int:
    """Return the column of the best of `nodes`, which are not none."""
    candidates = order[nodes[order]]
    return int(candidates[np.argmax(scores[candidates])])
