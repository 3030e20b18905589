"""Volumes: a pod runs only where its volumes can be reached, or found, or made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from kubewright.api.affinity import NodeSelector, NodeSelectorTerm
from kubewright.api.requirements import Requirement
from kubewright.api.volumes import (
    READ_WRITE_ONCE_POD,
    SELECTED_NODE,
    PersistentVolume,
    PersistentVolumeClaim,
    claim_names,
)
from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import NodeMask, NodeTable
from kubewright.placement.pods import PodRow
from kubewright.placement.selecting import selected
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import candidates, choose, is_for
from kubewright.placement.usage import disks_of, exclude

_LOST = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
_UNREACHABLE = "node(s) didn't match PersistentVolume's node affinity"
_NONE_FOUND = "node(s) didn't find available persistent volumes to bind"
_ZONES = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}
"""Each label of a volume that says where it is, and the one by which a node without it may say so instead."""
_SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class VolumeRestrictions(OverAll):
    """A claim for one pod alone is used by one pod alone; two pods of a node do not write to one disk."""

    name: str = "VolumeRestrictions"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod has claims or disks."""
        del snapshot
        return has_claims(pod) or any(disks_of(pod.pod))

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes where no other pod has the disk; none while another pod uses such a claim."""
        if _is_in_use(pod, snapshot):
            return snapshot.table.none()
        return _free_disks(pod, snapshot)

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Give the disk first."""
        free = _free_disks(pod, snapshot)
        yield Reason("node(s) had no available disk", refused & ~free)
        text = "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
        yield Reason(f"node(s) unavailable due to {text}", refused & free)


def has_claims(pod: PodRow) -> bool:
    """Tell whether the pod uses claims."""
    volumes = pod.pod.spec.volumes
    return bool(volumes) and bool(claim_names(pod.pod))


def _is_in_use(pod: PodRow, snapshot: ClusterSnapshot) -> bool:
    own = snapshot.placed.get(pod.key)
    claims = (each for each in snapshot.storage.claims_of(pod.pod) if READ_WRITE_ONCE_POD in each.spec.access_modes)
    return any(snapshot.usage.users(each.key) > (own is not None) for each in claims)


def _free_disks(pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
    mask = snapshot.table.all()
    wanted = tuple(disks_of(pod.pod))
    for key, (column, taken) in snapshot.usage.disks.items() if wanted else ():
        if key != pod.key and any(exclude(one, other) for one in wanted for other in taken):
            mask[column] = False
    return mask


@dataclass(frozen=True, slots=True)
class VolumeBinding(OverAll):
    """Bound claims: their volumes can be reached. Others: a volume can be found or made."""

    name: str = "VolumeBinding"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod has claims."""
        del snapshot
        return has_claims(pod)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes where all of the pod's claims are served."""
        reached, are_there = _reached(pod, snapshot)
        return reached & _found(pod, snapshot) if are_there else snapshot.table.none()

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Give what stands against each node, all of it; a volume that is gone hides where others are."""
        reached, are_there = _reached(pod, snapshot)
        yield Reason(_UNREACHABLE, refused & ~reached, resolvable=False)
        yield Reason(_NONE_FOUND, refused & ~_found(pod, snapshot), resolvable=False)
        if not are_there:
            yield Reason(_LOST, refused & reached, resolvable=False)


def _reached(pod: PodRow, snapshot: ClusterSnapshot) -> tuple[NodeMask, bool]:
    """Return from where the volumes of bound claims can be reached, up to the first that is gone, and if none is."""
    mask = snapshot.table.all()
    for claim in snapshot.storage.claims_of(pod.pod):
        if claim.is_bound:
            volume = snapshot.storage.volume(claim.spec.volume_name)
            if volume is None:
                return mask, False
            mask &= _reachable(volume, snapshot.table)
    return mask, True


def _reachable(volume: PersistentVolume, table: NodeTable) -> NodeMask:
    affinity = volume.spec.node_affinity
    if affinity is None or affinity.required is None:
        return table.all()
    if any(term.match_fields for term in affinity.required.node_selector_terms):
        return table.where(lambda node: volume.is_reachable_from(node.metadata.labels))
    return selected(affinity.required, table)


def _found(pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
    """Return the nodes where each claim that waits finds a volume, or one can be made for it."""
    storage, table = snapshot.storage, snapshot.table
    waiting = [claim for claim in storage.claims_of(pod.pod) if not claim.is_bound]
    mask = table.all()
    near = table.none()
    for claim in waiting:
        offered = offers(claim, snapshot)
        near |= offered
        mask &= offered | _made(claim, snapshot)
    if len(waiting) > 1:
        # Where several claims may want one volume, only trying tells.
        for column in np.flatnonzero(mask & near):
            node = table.nodes[column]
            mask[column] = choose(pod.pod, storage, node.metadata.name, node.metadata.labels) is not None
    return mask


def offers(claim: PersistentVolumeClaim, snapshot: ClusterSnapshot) -> NodeMask:
    """Return the nodes from which a volume can be reached that is there, free, and does for the claim."""
    mask = snapshot.table.none()
    if SELECTED_NODE in claim.metadata.annotations:
        return mask
    for volume in candidates(claim, snapshot.storage.volumes.values(), snapshot.storage.reserved):
        reachable = _reachable(volume, snapshot.table)
        if is_for(volume, claim):
            return reachable
        mask |= reachable
    return mask


def _made(claim: PersistentVolumeClaim, snapshot: ClusterSnapshot) -> NodeMask:
    """Return the nodes that a volume can be made for."""
    selected_node = claim.metadata.annotations.get(SELECTED_NODE)
    table = snapshot.table
    if selected_node:
        mask = table.none()
        mask[[table.columns[selected_node]] if selected_node in table.columns else []] = True
        return mask
    found = snapshot.storage.class_of(claim)
    if found is None or not found.makes:
        return table.none()
    terms = tuple(
        NodeSelectorTerm(tuple(Requirement(each.key, "In", each.values) for each in term.match_label_expressions))
        for term in found.allowed_topologies
    )
    return selected(NodeSelector(terms), table) if terms else table.all()


@dataclass(frozen=True, slots=True)
class VolumeZone(OverAll):
    """A volume that is labelled with a zone or region is used there."""

    name: str = "VolumeZone"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether any of the pod's volumes is labelled so."""
        return has_claims(pod) and any(_topologies(pod, snapshot))

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes in the zones of the pod's volumes; nodes that know of no zone pass."""
        table = snapshot.table
        mask = table.all()
        for key, values in _topologies(pod, snapshot):
            mask &= _in_zone(key, values, table)
        knows_any = np.logical_or.reduce([table.topology(key).present for key in _ZONES])
        return mask | ~knows_any

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Return the one reason."""
        del pod, snapshot
        yield Reason("node(s) had no available volume zone", refused, resolvable=False)


def _topologies(pod: PodRow, snapshot: ClusterSnapshot) -> Iterator[tuple[str, frozenset[str]]]:
    for claim in snapshot.storage.claims_of(pod.pod):
        volume = snapshot.storage.volume(claim.spec.volume_name) if claim.spec.volume_name else None
        labels: Mapping[str, str] = {} if volume is None else volume.metadata.labels
        for key in _ZONES:
            if key in labels:
                yield key, frozenset(labels[key].split(_SEPARATOR))


def _in_zone(key: str, values: frozenset[str], table: NodeTable) -> NodeMask:
    own, other = table.topology(key), table.topology(_ZONES[key])
    masks = [
        np.array([value in values for value in topology.values] + [False], np.bool_)[topology.codes]
        for topology in (own, other)
    ]
    return np.where(own.present, masks[0], masks[1])
