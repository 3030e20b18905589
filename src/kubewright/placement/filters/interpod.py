"""Affinity and anti-affinity between pods: near these, far from those, and far from whoever wants nobody near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import Counts, NodeMask
from kubewright.placement.peers import Term
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class PodAffinity(OverAll):
    """Required affinity, required anti-affinity, and the required anti-affinity of the pods that are there."""

    name: str = "InterPodAffinity"
    scope: Scope = Scope.PODS

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod has such terms, or placed pods hold one against it."""
        shape = pod.shape
        return bool(shape.near or shape.apart or _against(pod, snapshot))

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes where all of them are content."""
        return _near(pod, snapshot) & _apart(pod, snapshot) & _left_alone(pod, snapshot)

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Give for each node the first of the three that fails."""
        near, apart = _near(pod, snapshot), _apart(pod, snapshot)
        yield Reason("node(s) didn't match pod affinity rules", refused & ~near, resolvable=False)
        yield Reason("node(s) didn't match pod anti-affinity rules", refused & near & ~apart)
        yield Reason("node(s) didn't satisfy existing pods anti-affinity rules", refused & near & apart)


def _near(pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
    """One domain for each term has a pod that matches all terms; the first of a group may begin anywhere."""
    terms = pod.shape.near
    mask = snapshot.table.all()
    if not terms:
        return mask
    counts = snapshot.matching(terms[0].group)
    present = snapshot.table.all()
    is_anywhere = False
    for each in terms:
        topology = snapshot.table.topology(each.topology_key)
        present &= topology.present
        totals = topology.totals(counts)
        is_anywhere |= bool(totals[:-1].any())
        mask &= (totals > 0)[topology.codes]
    if not is_anywhere and pod.shape.near_itself:
        return present
    return mask & present


def _apart(pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
    mask = snapshot.table.all()
    for each in pod.shape.apart:
        counts = snapshot.matching(each.group)
        if counts.any():
            mask &= ~_domain_has(counts, each.topology_key, snapshot)
    return mask


def _left_alone(pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
    mask = snapshot.table.all()
    for term in _against(pod, snapshot):
        counts = snapshot.held.get(term.number)
        if counts is not None and counts.any():
            mask &= ~_domain_has(counts, term.topology_key, snapshot)
    return mask


def _against(pod: PodRow, snapshot: ClusterSnapshot) -> list[Term]:
    """Return the terms of required anti-affinity that mean the pod and that somebody holds, or held."""
    return [
        term
        for group in pod.shape.kind.groups
        for term in group.terms
        if not term.weight and snapshot.held.get(term.number) is not None
    ]


def _domain_has(counts: Counts, key: str, snapshot: ClusterSnapshot) -> NodeMask:
    """Return the nodes in whose domain any of the counted pods is."""
    topology = snapshot.table.topology(key)
    has = topology.totals(counts) > 0
    has[-1] = False  # nodes without the label are in no domain
    return has[topology.codes]
