"""Topology spread: no domain may have too many more of the pods than the one with the fewest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow, Spread
from kubewright.placement.selecting import matching_nodes, tolerated
from kubewright.placement.snapshot import ClusterSnapshot

_TEXT = "node(s) didn't match pod topology spread constraints"


@dataclass(frozen=True, slots=True)
class TopologySpread(OverAll):
    """Each DoNotSchedule constraint: count there + itself - the least count of any domain is at most maxSkew."""

    name: str = "PodTopologySpread"
    scope: Scope = Scope.PODS

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod has such constraints."""
        del snapshot
        return bool(pod.shape.hard_spread)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that meet all constraints; a node without one of the labels meets none."""
        mask = with_all_keys(pod.shape.hard_spread, snapshot)
        for each, eligible in _eligible(pod, snapshot):
            mask = mask & _within(each, eligible, snapshot)
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Give the first constraint that fails: a label is missing, or the domain has too many."""
        left = refused
        for each, eligible in _eligible(pod, snapshot):
            present = snapshot.table.topology(each.topology_key).present
            yield Reason(f"{_TEXT} (missing required label)", left & ~present, resolvable=False)
            within = _within(each, eligible, snapshot)
            yield Reason(_TEXT, left & present & ~within)
            left = left & present & within


def with_all_keys(constraints: tuple[Spread, ...], snapshot: ClusterSnapshot) -> NodeMask:
    """Return the nodes that have the labels of all constraints."""
    mask = snapshot.table.all()
    for each in constraints:
        mask &= snapshot.table.topology(each.topology_key).present
    return mask


def included(spread: Spread, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeMask:
    """Return those of the nodes whose pods count for a constraint, by its policies on affinity and taints."""
    spec = pod.shape.sample
    if spread.honors_affinity:
        nodes = nodes & matching_nodes(spec, snapshot.table)
    if spread.honors_taints:
        nodes = nodes & tolerated(spec.spec.tolerations, snapshot.table)
    return nodes


def _eligible(pod: PodRow, snapshot: ClusterSnapshot) -> Iterator[tuple[Spread, NodeMask]]:
    nodes = with_all_keys(pod.shape.hard_spread, snapshot)
    for each in pod.shape.hard_spread:
        yield each, included(each, pod, snapshot, nodes)


def _within(spread: Spread, eligible: NodeMask, snapshot: ClusterSnapshot) -> NodeMask:
    topology = snapshot.table.topology(spread.topology_key)
    domains = topology.domains(eligible)
    n_domains = int(np.count_nonzero(domains))
    totals = _totals(spread, eligible, snapshot)
    least = 0 if n_domains < spread.min_domains else int(totals[:-1][domains].min())
    return (totals + spread.counts_itself - least <= spread.max_skew)[topology.codes]


def _totals(spread: Spread, eligible: NodeMask, snapshot: ClusterSnapshot) -> NDArray[np.int64]:
    topology = snapshot.table.topology(spread.topology_key)
    if spread.group is None:
        return np.zeros(topology.n_domains + 1, np.int64)
    return topology.totals(snapshot.matching(spread.group), eligible)
