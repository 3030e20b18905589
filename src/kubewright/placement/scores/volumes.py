"""A score for claims that wait: volumes that are hardly larger than asked for are better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.filters.volumes import has_claims, offers
from kubewright.placement.nodes import NodeMask, NodeScores
from kubewright.placement.pods import PodRow
from kubewright.placement.scores.protocol import MAX_SCORE, Normalised
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import Choice, choose


@dataclass(frozen=True, slots=True)
class FittingVolumes(Normalised):
    """By class, the share of the chosen volumes that would be used; the emptier the better (`volumeCapacityScorer`)."""

    name: str = "VolumeBinding"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether any of the pod's claims has no volume yet."""
        return has_claims(pod) and not all(each.is_bound for each in snapshot.storage.claims_of(pod.pod))

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 100 for volumes that would stay empty, 0 for full ones and for what is to be made."""
        scores = np.zeros(len(snapshot.table), np.int64)
        waiting = [each for each in snapshot.storage.claims_of(pod.pod) if not each.is_bound]
        offered = np.logical_or.reduce([offers(each, snapshot) for each in waiting])
        for column in np.flatnonzero(nodes & offered):
            node = snapshot.table.nodes[column]
            choice = choose(pod.pod, snapshot.storage, node.metadata.name, node.metadata.labels)
            scores[column] = 0 if choice is None else _score(choice)
        return scores


def _score(choice: Choice) -> int:
    by_class: dict[str, tuple[int, int]] = {}
    for claim, volume in choice.volumes:
        wanted, capacity = by_class.get(volume.storage_class, (0, 0))
        by_class[volume.storage_class] = (wanted + claim.size_bytes, capacity + volume.size_bytes)
    if not by_class:
        return 0
    # Half up, as Go rounds what is positive.
    total = sum(_empty_share(wanted, capacity) for wanted, capacity in by_class.values())
    return (2 * total + len(by_class)) // (2 * len(by_class))


def _empty_share(wanted: int, capacity: int) -> int:
    used = MAX_SCORE if capacity == 0 or wanted > capacity else wanted * MAX_SCORE // capacity
    return MAX_SCORE - used
