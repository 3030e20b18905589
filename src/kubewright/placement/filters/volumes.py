"""Volumes: a pod runs only where its volumes can be reached, or found, or made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kubewright.api.core import Node
from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import READ_WRITE_ONCE_POD, PersistentVolume, claim_names
from kubewright.placement.filters.protocol import one_reason
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import choose

_LOST = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
_UNREACHABLE = "node(s) didn't match PersistentVolume's node affinity"
_NONE_FOUND = "node(s) didn't find available persistent volumes to bind"
_ZONES = (
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
)
_SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class VolumeRestrictions:
    """A claim for one pod alone is used by one pod alone."""

    name: str = "VolumeRestrictions"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return all nodes, or none while another pod uses such a claim."""
        claims = snapshot.storage.claims_of(pod.pod) if pod.pod.spec.volumes else []
        alone = {each.key for each in claims if READ_WRITE_ONCE_POD in each.spec.access_modes}
        mask = snapshot.table.all()
        if alone and any(
            ObjectKey(key.namespace, name) in alone
            for key, placed in snapshot.placed.items()
            if key != pod.key
            for name in claim_names(placed.row.pod)
        ):
            mask[:] = False
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Return the one reason."""
        del pod, snapshot
        text = "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
        return one_reason(f"node(s) unavailable due to {text}", refused)


@dataclass(frozen=True, slots=True)
class VolumeBinding:
    """Bound claims: their volumes can be reached. Others: a volume can be found or made."""

    name: str = "VolumeBinding"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes where all of the pod's claims are served."""
        if not claim_names(pod.pod):
            return snapshot.table.all()
        return snapshot.table.where(lambda node: not _conflicts(pod, snapshot, node))

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Count what stands against each node."""
        nodes = (snapshot.table.nodes[column] for column in np.flatnonzero(refused))
        return Counter(reason for node in nodes for reason in _conflicts(pod, snapshot, node))


def _conflicts(pod: PodRow, snapshot: ClusterSnapshot, node: Node) -> list[str]:
    storage, labels = snapshot.storage, node.metadata.labels
    reasons: list[str] = []
    for claim in storage.claims_of(pod.pod):
        if claim.is_bound:
            volume = storage.volume(claim.spec.volume_name)
            if volume is None:
                reasons.append(_LOST)
            elif not volume.is_reachable_from(labels):
                reasons.append(_UNREACHABLE)
    if choose(pod.pod, storage, node.metadata.name, labels) is None:
        reasons.append(_NONE_FOUND)
    return list(dict.fromkeys(reasons))


@dataclass(frozen=True, slots=True)
class VolumeZone:
    """A volume that is labelled with a zone or region is used there."""

    name: str = "VolumeZone"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes in the zones of the pod's volumes; nodes that know of no zone pass."""
        storage = snapshot.storage
        claims = storage.claims_of(pod.pod) if pod.pod.spec.volumes else []
        volumes = [storage.volume(each.spec.volume_name) for each in claims if each.spec.volume_name]
        wanted = [_topology(each) for each in volumes if each is not None]
        if not any(wanted):
            return snapshot.table.all()
        return snapshot.table.where(lambda node: _is_in(node.metadata.labels, wanted))

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Return the one reason."""
        del pod, snapshot
        return one_reason("node(s) had no available volume zone", refused)


def _topology(volume: PersistentVolume) -> dict[str, frozenset[str]]:
    labels = volume.metadata.labels
    return {key: frozenset(labels[key].split(_SEPARATOR)) for key in _ZONES if key in labels}


def _is_in(labels: Mapping[str, str], wanted: list[dict[str, frozenset[str]]]) -> bool:
    if not any(key in labels for key in _ZONES):
        return True
    return all(labels.get(key) in values for each in wanted for key, values in each.items())
