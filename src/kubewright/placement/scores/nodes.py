"""Scores from what nodes are: taints that would rather not, affinity that would rather, images that are there, cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.placement.filters.protocol import Scope
from kubewright.placement.nodes import NodeMask, NodeScores, NodeTable
from kubewright.placement.pods import PodRow
from kubewright.placement.scores.protocol import MAX_SCORE, Normalised, to_hundred
from kubewright.placement.selecting import has_soft_taints, preferred, soft_taints
from kubewright.placement.snapshot import ClusterSnapshot

_MEBIBYTE = 1024**2
_SMALLEST_BYTES = 23 * _MEBIBYTE
_LARGEST_BYTES = 1000 * _MEBIBYTE
COST_LABEL = "kubewright.dev/hourly-cost"
"""What an hour of a node costs, in any one currency: a decimal number."""


@dataclass(frozen=True, slots=True)
class SoftTaints(Normalised):
    """The fewer PreferNoSchedule taints that the pod does not tolerate, the better."""

    name: str = "TaintToleration"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether there are such taints."""
        del pod
        return has_soft_taints(snapshot.table)

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 100 for none, 0 for the most."""
        return to_hundred(soft_taints(pod.shape.sample.spec.tolerations, snapshot.table), nodes, reverse=True)


@dataclass(frozen=True, slots=True)
class PreferredNodes(Normalised):
    """The more weight of preferred node affinity, the better."""

    name: str = "NodeAffinity"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod prefers nodes."""
        del snapshot
        affinity = pod.shape.sample.spec.affinity
        return affinity is not None and affinity.node_affinity is not None and bool(affinity.node_affinity.preferred)

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 100 for the most weight."""
        return to_hundred(preferred(pod.shape.sample, snapshot.table), nodes)


@dataclass(frozen=True, slots=True)
class ImageLocality(Normalised):
    """The more bytes of its images are there already, the better; an image that few nodes have counts for less."""

    name: str = "ImageLocality"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether any node has any of the images."""
        return any(name in snapshot.table.images for name in pod.shape.images)

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return the share of what lies between 23 MiB in all and 1000 MiB for each image."""
        del nodes
        table = snapshot.table
        held = np.zeros(len(table), np.int64)
        for name in pod.shape.images:
            image = table.images.get(name)
            if image is not None:
                spread = int(np.count_nonzero(image.present)) / len(table)
                held += int(image.size_bytes * spread) * image.present
        most = _LARGEST_BYTES * len(pod.shape.images)
        clipped = np.clip(held, _SMALLEST_BYTES, most)
        return MAX_SCORE * (clipped - _SMALLEST_BYTES) // (most - _SMALLEST_BYTES)


@dataclass(frozen=True, slots=True)
class Cheapest(Normalised):
    """The less an hour of the node costs, the better; one that does not say costs what the others do on average."""

    name: str = "HourlyCost"
    scope: Scope = Scope.NODES

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether any node says what it costs."""
        del pod
        return bool(snapshot.table.topology(COST_LABEL).n_domains)

    def score(self, pod: PodRow, snapshot: ClusterSnapshot, nodes: NodeMask) -> NodeScores:
        """Return 100 for the cheapest of the nodes, 0 for the dearest."""
        del pod
        costs = _costs(snapshot.table)
        least, most = costs[nodes].min(initial=np.inf), costs[nodes].max(initial=-np.inf)
        if not most > least:
            return np.full(len(costs), MAX_SCORE, np.int64)
        return np.clip((most - costs) / (most - least) * MAX_SCORE, 0, MAX_SCORE).astype(np.int64)


def _costs(table: NodeTable) -> NDArray[np.float64]:
    topology = table.topology(COST_LABEL)
    by_value = np.array([*map(_number, topology.values), np.nan])
    costs = by_value[topology.codes]
    known = costs[~np.isnan(costs)]
    costs[np.isnan(costs)] = known.mean() if len(known) else 0.0
    return costs


def _number(text: str) -> float:
    """Read a cost; what is no number, or none that a price can be, is not known."""
    try:
        number = float(text)
    except ValueError:
        return np.nan
    return number if 0 <= number < np.inf else np.nan
