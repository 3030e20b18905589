"""How the nodes stand with all pods of one shape: worked out once, then brought up to date where pods came or went.

`fit` keeps one for each shape and policy in the snapshot. Filters and scores that look at one node's own pods are asked
again of the nodes that changed; those that look further are asked anew, but only for shapes that they apply to.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from kubewright.placement.filters import Filter, Scope
from kubewright.placement.nodes import NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import Policy, Scores
from kubewright.placement.scores import Score
from kubewright.placement.snapshot import ClusterSnapshot

_KEPT = 512
"""So many are kept in a snapshot: 60 MB at 5,000 nodes."""
_FEW = 24
"""Up to so many changed nodes are looked at one by one."""
REFUSED = -1
"""The rank of a node that does not pass."""


class Standing:
    """The nodes' ranks for pods of one shape, as of one version of a snapshot."""

    __slots__ = (
        "_filters",
        "_further_filters",
        "_further_scores",
        "_nodes",
        "_own",
        "_passing",
        "_ranked",
        "_relative",
        "_scores",
        "policy",
        "version",
    )

    def __init__(self, row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> None:
        self.policy = policy
        self._filters = [each for each in _applying(policy.filters, row, snapshot) if each.scope is Scope.PODS_OF_NODE]
        self._scores = _of_scope(policy.scores, row, snapshot, Scope.PODS_OF_NODE)
        self._relative = _of_scope(policy.scores, row, snapshot, Scope.NODES)
        self._further_filters = [each for each in policy.filters if each.scope in {Scope.PODS, Scope.POD}]
        self._further_scores = [each for each in policy.scores if each[0].scope in {Scope.PODS, Scope.POD}]
        self._nodes = snapshot.table.all()
        for each in _applying(policy.filters, row, snapshot):
            if each.scope is Scope.NODES:
                self._nodes &= each.mask(row, snapshot)
        self._work_out(row, snapshot)

    def copy(self) -> Standing:
        """Return an independent copy."""
        copy: Standing = Standing.__new__(Standing)
        for name in Standing.__slots__:
            setattr(copy, name, getattr(self, name))
        copy._passing, copy._own, copy._ranked = self._passing.copy(), self._own.copy(), self._ranked.copy()
        return copy

    def ranks(self, row: PodRow, snapshot: ClusterSnapshot, without: NodeMask | None = None) -> NodeScores:
        """Return each node's weighted score for one pod of the shape, REFUSED where it does not pass.

        Shape (n_nodes,), not to be changed. Nodes in `without` do not pass either.
        """
        self._catch_up(row, snapshot)
        filters = _applying(self._further_filters, row, snapshot)
        scores = [each for each in self._further_scores if each[0].applies(row, snapshot)]
        if not filters and not scores and without is None:
            return self._ranked
        passing = self._passing
        for each in filters:
            passing = passing & each.mask(row, snapshot)
        if without is not None:
            passing = passing & ~without
        total = self._own.copy()
        for score, weight in (*self._relative, *scores):
            total += weight * score.score(row, snapshot, passing)
        total[~passing] = REFUSED
        return total

    def _catch_up(self, row: PodRow, snapshot: ClusterSnapshot) -> None:
        if self.version == snapshot.version:
            return
        changes = snapshot.changed_since(self.version)
        columns = None if changes is None else set(changes)
        if columns is None or len(columns) > _FEW:
            self._work_out(row, snapshot)
            return
        self.version = snapshot.version
        if self._touch(row, snapshot, columns) and self._relative:
            self._rank(row, snapshot)

    def _work_out(self, row: PodRow, snapshot: ClusterSnapshot) -> None:
        self.version = snapshot.version
        self._passing = self._nodes.copy()
        for each in self._filters:
            self._passing &= each.mask(row, snapshot)
        self._own = np.zeros(len(self._nodes), np.int64)
        for score, weight in self._scores:
            self._own += weight * score.score(row, snapshot, self._passing)
        self._rank(row, snapshot)

    def _rank(self, row: PodRow, snapshot: ClusterSnapshot) -> None:
        total = self._own.copy()
        for score, weight in self._relative:
            total += weight * score.score(row, snapshot, self._passing)
        total[~self._passing] = REFUSED
        self._ranked = total

    def _touch(self, row: PodRow, snapshot: ClusterSnapshot, columns: Iterable[int]) -> bool:
        """Look at some nodes again; tell whether any passes now that did not, or the other way round."""
        has_flipped = False
        for column in columns:
            if not self._nodes[column]:
                continue
            before = int(self._own[column])
            own = sum(weight * score.at(row, snapshot, column) for score, weight in self._scores)
            self._own[column] = own
            passes = all(each.at(row, snapshot, column) for each in self._filters)
            if passes != self._passing[column]:
                self._passing[column] = passes
                has_flipped = True
                self._ranked[column] = own if passes else REFUSED
            elif passes:
                self._ranked[column] += own - before
        return has_flipped


def standing(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> Standing:
    """Return the standing for the pod's shape, from the snapshot or from the one that it is a fork of, or a new one."""
    key = (id(policy), row.shape.key)
    kept: dict[tuple[int, bytes], Standing] = snapshot.derived
    found = kept.get(key)
    if found is None:
        inherited, version = snapshot.inherited
        parent: Standing | None = inherited.get(key)
        usable = parent is not None and parent.policy is policy and parent.version <= version
        found = parent.copy() if parent is not None and usable else Standing(row, snapshot, policy)
        if len(kept) >= _KEPT:
            for old in tuple(islice(kept, _KEPT // 2)):
                del kept[old]
        kept[key] = found
    return found


def _applying(filters: Iterable[Filter], row: PodRow, snapshot: ClusterSnapshot) -> list[Filter]:
    return [each for each in filters if each.applies(row, snapshot)]


def _of_scope(scores: Scores, row: PodRow, snapshot: ClusterSnapshot, scope: Scope) -> list[tuple[Score, int]]:
    return [each for each in scores if each[0].scope is scope and each[0].applies(row, snapshot)]
