"""Scores from the pods that are there: wishes to be near or far, and spreading over topologies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.filters.spread import included, with_all_keys
from kubewright.placement.nodes import Counts, NodeMask, NodeScores
from kubewright.placement.pods import HOSTNAME, PodRow, Spread
from kubewright.placement.scores.protocol import MAX_SCORE, Normalised
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class PreferredPods(Normalised):
    """Weights of preferred terms, the pod's own and those that placed pods hold, from the least to the most."""

    name: str = "InterPodAffinity"
    scope: Scope = Scope.PODS

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether there are such terms."""
        return bool(pod.shape.preferred) or any(
            term.weight and snapshot.held.get(term.number) is not None
            for group in pod.shape.kind.groups
            for term in group.terms
        )

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 0 for the least of the nodes and 100 for the most; 0 for all where they do not differ."""
        total = np.zeros(len(snapshot.table), np.int64)
        for each in pod.shape.preferred:
            total += each.weight * _in_domain(snapshot.matching(each.group), each.topology_key, snapshot)
        for group in pod.shape.kind.groups:
            for term in group.terms:
                counts = snapshot.held.get(term.number)
                if term.weight and counts is not None:
                    total += term.weight * _in_domain(counts, term.topology_key, snapshot)
        among = total[nodes]
        least, most = (int(among.min()), int(among.max())) if len(among) else (0, 0)
        if most <= least:
            return np.zeros_like(total)
        return (MAX_SCORE * ((total - least) / (most - least))).astype(np.int64)


def _in_domain(counts: Counts, key: str, snapshot: ClusterSnapshot) -> NDArray[np.int64]:
    """Return for each node how many of the counted pods its domain has; none for a node without the label."""
    topology = snapshot.table.topology(key)
    totals = topology.totals(counts)
    totals[-1] = 0
    return totals[topology.codes]


@dataclass(frozen=True, slots=True)
class SoftSpread(Normalised):
    """ScheduleAnyway constraints: the fewer of the pods in a domain the better, the more so the more domains."""

    name: str = "PodTopologySpread"
    scope: Scope = Scope.PODS

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod has such constraints, or the system's."""
        del snapshot
        return bool(pod.shape.soft_spread)

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 100 for the least of the nodes; 0 for nodes that lack a label (not with the system's constraints)."""
        shape, table = pod.shape, snapshot.table
        eligible = table.all() if shape.is_system_spread else with_all_keys(shape.soft_spread, snapshot)
        rated = nodes & eligible
        total = np.zeros(len(table))
        for each in shape.soft_spread:
            counts, n_domains = _counts(each, pod, snapshot, eligible, rated)
            present = table.topology(each.topology_key).present
            total += np.where(present, counts * np.log(n_domains + 2) + (each.max_skew - 1), 0.0)
        return _spread_out(_rounded(total), rated)


def _counts(
    spread: Spread, pod: PodRow, snapshot: ClusterSnapshot, eligible: NodeMask, rated: NodeMask
) -> tuple[NDArray[np.int64], int]:
    """Return how many of the pods each node's domain has, and how many domains are rated."""
    topology = snapshot.table.topology(spread.topology_key)
    zeros = np.zeros(len(snapshot.table), np.int32)
    counts = zeros if spread.group is None else snapshot.matching(spread.group)
    if spread.topology_key == HOSTNAME:
        return counts.astype(np.int64), int(np.count_nonzero(rated))
    # Nodes without the label are one more domain to kube-scheduler where it rates them at all.
    n_domains = int(np.count_nonzero(np.bincount(topology.codes[rated], minlength=topology.n_domains + 1)))
    totals = topology.totals(counts, included(spread, pod, snapshot, eligible))
    return totals[topology.codes], n_domains


def _rounded(scores: NDArray[np.float64]) -> NodeScores:
    """Round halves up, as Go does; NumPy would round them to even."""
    whole = np.floor(scores)
    return (whole + (scores - whole >= 0.5)).astype(np.int64)  # noqa: PLR2004  (a half)


def _spread_out(scores: NodeScores, rated: NodeMask) -> NodeScores:
    among = scores[rated]
    most = int(among.max(initial=0))
    if not most:
        return np.where(rated, MAX_SCORE, 0)
    return np.where(rated, MAX_SCORE * (most + int(among.min()) - scores) // most, 0)
