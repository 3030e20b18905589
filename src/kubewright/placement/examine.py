"""Every filter asked about every node: which pass, and for those that do not, what stands against them.

The slow and thorough way, for a pod that fits nowhere and for preemption; `standing` keeps the answer for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from kubewright.placement.diagnosis import Diagnosis, Refusal
from kubewright.placement.filters import Filter, Reason, Resources, Scope
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import Policy
from kubewright.placement.selecting import named_nodes
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import claims_problem

GATED = "Scheduling is blocked due to non-empty scheduling gates"


def problem_of(row: PodRow, snapshot: ClusterSnapshot) -> str:
    """Return what keeps the pod from every node before any is looked at; nothing if all is well."""
    pod = row.pod
    if pod.spec.scheduling_gates:
        return GATED
    if pod.spec.affinity is not None and named_nodes(pod) == frozenset():
        return "pod affinity terms conflict"
    problem = claims_problem(pod, snapshot.storage) if pod.spec.volumes else ""
    return problem or (snapshot.claims.problem(pod) if pod.spec.resource_claims else "")


@dataclass(slots=True)
class _Refused:
    """What a filter refuses."""

    filter: str
    nodes: NodeMask
    reasons: dict[tuple[str, bool], NodeMask] = field(default_factory=dict[tuple[str, bool], NodeMask])

    def add(self, reason: Reason, among: NodeMask) -> None:
        """Note a reason for some more nodes."""
        nodes = reason.nodes & among
        if nodes.any():
            key = (reason.text, reason.resolvable)
            self.reasons[key] = self.reasons[key] | nodes if key in self.reasons else nodes


@dataclass(frozen=True, slots=True)
class Examination:
    """The answer for one pod and all nodes."""

    passing: NodeMask
    diagnosis: Diagnosis
    resolvable: NodeMask
    """The nodes that do not pass, but would perhaps with fewer pods on them."""


def examine(row: PodRow, snapshot: ClusterSnapshot, policy: Policy, among: NodeMask | None = None) -> Examination:
    """Ask every filter; the first that refuses a node is the reason for it. Nodes not `among` these do not count."""
    table = snapshot.table
    problem = problem_of(row, snapshot)
    if problem:
        return Examination(table.none(), Diagnosis(len(table), problem=problem), table.none())
    one_by_one = promises(row, snapshot, policy)
    if snapshot.nominated and one_by_one is None:
        snapshot = snapshot.keeping_promises(row)
    masks = [(each, each.mask(row, snapshot)) for each in policy.filters if each.applies(row, snapshot)]
    # Several filters may go by one name: a node that both refuse is refused by that name alone.
    by_name: dict[str, NodeMask] = {}
    for each, mask in masks:
        by_name[each.name] = by_name[each.name] & mask if each.name in by_name else mask
    n_against = np.zeros(len(table), np.int64)
    for mask in by_name.values():
        n_against += ~mask
    found = {each.name: _Refused(each.name, table.none()) for each in policy.filters}
    left = table.all() if among is None else among.copy()
    for column, fork in one_by_one or ():
        left[column] &= not _refuse_one(row, fork, column, policy, found)
    for each, mask in masks:
        refused = left & ~mask
        if refused.any():
            _refuse(row, snapshot, each, refused, found)
        left = left & mask
    alone = {name: int(np.count_nonzero(~mask & (n_against == 1))) for name, mask in by_name.items()}
    return Examination(left, _diagnosis(found, alone, len(table)), _resolvable(found))


def promises(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> Iterator[tuple[int, ClusterSnapshot]] | None:
    """Give each column that is promised to pods which the pod must give way to, with a fork that has them there.

    None if all that counts of these pods are their amounts, as of most: then all nodes are judged at once.
    """
    if only_amounts(row, snapshot, policy) and not any(each.row.shape.apart for each in snapshot.nominated.values()):
        return None
    return _forks(row, snapshot)


def only_amounts(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> bool:
    """Tell whether of pods nothing but amounts stands between the pod and a node that is right for it."""
    others = (each for each in policy.filters if each.scope is not Scope.NODES and not isinstance(each, Resources))
    return not any(each.applies(row, snapshot) for each in others)


def _forks(row: PodRow, snapshot: ClusterSnapshot) -> Iterator[tuple[int, ClusterSnapshot]]:
    for column, rows in sorted(snapshot.ahead_of(row).items()):
        fork = snapshot.fork()
        for each in rows:
            fork.assume(each, column)
        yield column, fork


def passes(row: PodRow, snapshot: ClusterSnapshot, column: int, policy: Policy) -> bool:
    """Tell whether one node passes every filter."""
    return all(each.at(row, snapshot, column) for each in policy.filters if each.applies(row, snapshot))


def _refuse_one(row: PodRow, fork: ClusterSnapshot, column: int, policy: Policy, found: dict[str, _Refused]) -> bool:
    """Find what refuses a column once its promises are kept; tell whether anything does."""
    for each in policy.filters:
        if each.applies(row, fork) and not each.at(row, fork, column):
            refused = fork.table.none()
            refused[column] = True
            _refuse(row, fork, each, refused, found)
            return True
    return False


def _refuse(row: PodRow, snapshot: ClusterSnapshot, by: Filter, refused: NodeMask, found: dict[str, _Refused]) -> None:
    entry = found[by.name]
    entry.nodes |= refused
    for reason in by.reasons(row, snapshot, refused):
        entry.add(reason, refused)


def _diagnosis(found: dict[str, _Refused], alone: dict[str, int], n_nodes: int) -> Diagnosis:
    return Diagnosis(n_nodes, tuple(_refusal(each, alone) for each in found.values() if each.nodes.any()))


def _refusal(refused: _Refused, alone: dict[str, int]) -> Refusal:
    counts: dict[str, int] = {}
    for (text, _), nodes in refused.reasons.items():
        counts[text] = counts.get(text, 0) + int(np.count_nonzero(nodes))
    n_nodes = int(np.count_nonzero(refused.nodes))
    return Refusal(refused.filter, n_nodes, tuple(sorted(counts.items())), alone.get(refused.filter, 0))


def _resolvable(found: dict[str, _Refused]) -> NodeMask:
    """Return the nodes that are refused, but for no reason that pods have nothing to do with."""
    refused = np.logical_or.reduce([each.nodes for each in found.values()])
    for each in found.values():
        for (_, resolvable), nodes in each.reasons.items():
            if not resolvable:
                refused &= ~nodes
    return refused
