"""Devices by claims: a pod runs only where its claims' devices can be used, or devices for them are free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.placement.claims import ELSEWHERE, NOT_THERE
from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.selecting import selected
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class DynamicResources(OverAll):
    """Which devices is `devices`' decision; pods that go give none back until their claims do, so none are evicted."""

    name: str = "DynamicResources"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod has claims."""
        del snapshot
        return bool(pod.pod.spec.resource_claims)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that reach what is allocated, and have what is not."""
        needs = snapshot.claims.needs(pod.pod)
        mask = _reached(pod, snapshot)
        if needs.waiting:
            mask &= snapshot.claims.standing(needs.waiting, snapshot.table)[0]
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Give what is missing first, as kube-scheduler allocates before it looks at the rest."""
        needs = snapshot.claims.needs(pod.pod)
        lacking, errors = snapshot.table.none(), dict[int, str]()
        if needs.waiting:
            found, errors = snapshot.claims.standing(needs.waiting, snapshot.table)
            lacking = refused & ~found
        for text in sorted({text for column, text in errors.items() if lacking[column]}):
            where = snapshot.table.none()
            where[[column for column, each in errors.items() if each == text]] = True
            yield Reason(text, lacking & where, resolvable=False)
            lacking = lacking & ~where
        yield Reason(NOT_THERE, lacking, resolvable=False)
        yield Reason(ELSEWHERE, refused & ~_reached(pod, snapshot) & ~lacking, resolvable=False)


def _reached(pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
    """Return the nodes from which all devices can be used that are allocated already."""
    mask = snapshot.table.all()
    for claim in snapshot.claims.needs(pod.pod).allocated:
        allocation = claim.status.allocation
        if allocation is not None and allocation.node_selector is not None:
            mask &= selected(allocation.node_selector, snapshot.table)
    return mask
