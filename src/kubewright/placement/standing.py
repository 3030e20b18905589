"""How the nodes stand with all pods that are alike to a node: worked out once, then kept up where pods came or went.

`fit` keeps one for each policy and bearing of a shape in the snapshot. Filters and scores that look at one node's own
pods are asked again of the nodes that changed; those that look further are asked anew, for shapes that they apply to.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kubewright.placement.filters import Filter, Scope
from kubewright.placement.nodes import NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import Policy, Scores
from kubewright.placement.scores import Score
from kubewright.placement.snapshot import ClusterSnapshot

_KEPT = 512
"""So many are kept in a snapshot: 60 MB at 5,000 nodes."""
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
        if changes is None or len(changes) > len(self._nodes) // 4:
            self._work_out(row, snapshot)
            return
        self.version = snapshot.version
        flipped = (
            self._touch_one(row, snapshot, changes[0])
            if len(changes) == 1
            else self._touch(row, snapshot, np.array(changes, np.intp))
        )
        if flipped and self._relative:
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

    def _touch(self, row: PodRow, snapshot: ClusterSnapshot, columns: NDArray[np.intp]) -> bool:
        """Look at some nodes again; tell whether any passes now that did not, or the other way round."""
        own = np.zeros(len(columns), np.int64)
        for score, weight in self._scores:
            own += weight * score.some(row, snapshot, columns)
        passes = self._nodes[columns]
        for each in self._filters:
            passes &= each.some(row, snapshot, columns)
        before, passed = self._own[columns], self._passing[columns]
        # What other nodes had to do with the rank stays, as long as none begins or ceases to pass.
        ranks = np.where(passes, np.where(passed, self._ranked[columns] + own - before, own), REFUSED)
        self._own[columns], self._passing[columns], self._ranked[columns] = own, passes, ranks
        return bool((passes != passed).any())

    def _touch_one(self, row: PodRow, snapshot: ClusterSnapshot, column: int) -> bool:
        """Do the same for one node, without arrays."""
        own = 0
        for score, weight in self._scores:
            own += weight * score.at(row, snapshot, column)
        passes = bool(self._nodes[column])
        for each in self._filters:
            passes = passes and each.at(row, snapshot, column)
        change = own - self._own.item(column)
        self._own[column] = own
        if passes == self._passing.item(column):
            if passes:
                self._ranked[column] += change
            return False
        self._passing[column] = passes
        self._ranked[column] = own if passes else REFUSED
        return True


def standing(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> Standing:
    """Return the standing for the pod's shape, from the snapshot or from the one that it is a fork of, or a new one."""
    key = (id(policy), row.shape.bearing)
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
