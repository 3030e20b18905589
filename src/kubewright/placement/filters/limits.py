"""How many volumes of a driver a node can attach, as its CSINode says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import PersistentVolumeClaim
from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.filters.volumes import has_claims
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class VolumeLimits(OverAll):
    """A node attaches only so many volumes of a driver; one that pods of the node share counts once."""

    name: str = "NodeVolumeLimits"
    scope: Scope = Scope.POD

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod has claims and any node has said what it attaches, or a driver must be there."""
        storage = snapshot.storage
        return has_claims(pod) and bool(len(storage.csi_nodes.values()) or len(storage.csi_drivers.values()))

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes with the drivers that must be there, and room for the volumes that are not there yet."""
        drivers = _drivers(pod, snapshot)
        mask = snapshot.table.all()
        for driver, claims in drivers.items():
            mask &= _has_driver(driver, snapshot) & _has_room(driver, claims, snapshot)
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Give the first driver that is missing, else the room."""
        left = refused
        for driver in _drivers(pod, snapshot):
            has = _has_driver(driver, snapshot)
            yield Reason(f"{driver} CSI driver is not installed on the node", left & ~has)
            left = left & has
        yield Reason("node(s) exceed max volume count", left)


def _drivers(pod: PodRow, snapshot: ClusterSnapshot) -> dict[str, list[PersistentVolumeClaim]]:
    found: dict[str, list[PersistentVolumeClaim]] = {}
    for claim in {each.key: each for each in snapshot.storage.claims_of(pod.pod)}.values():
        driver = snapshot.storage.driver_of(claim)
        if driver:
            found.setdefault(driver, []).append(claim)
    return found


def _has_driver(driver: str, snapshot: ClusterSnapshot) -> NodeMask:
    found = snapshot.storage.csi_driver(driver)
    if found is None or not found.spec.prevent_pod_scheduling_if_missing:
        return snapshot.table.all()
    return snapshot.attachable(driver)[0]


def _has_room(driver: str, claims: list[PersistentVolumeClaim], snapshot: ClusterSnapshot) -> NodeMask:
    _, limits = snapshot.attachable(driver)
    attached = snapshot.usage.attached.get(driver)
    taken = np.zeros(len(limits), np.int64) if attached is None else attached.astype(np.int64)
    if snapshot.storage.attachments.values():
        taken += _attached_for_nobody(driver, snapshot)
    new = np.full(len(limits), len(claims))
    for each in claims:
        new[list(snapshot.usage.columns(each.key))] -= 1
    return (new == 0) | (taken + new <= limits)


def _attached_for_nobody(driver: str, snapshot: ClusterSnapshot) -> NDArray[np.int64]:
    """Count the volumes that are attached to a node where no pod uses them (yet, or any more)."""
    storage, found = snapshot.storage, np.zeros(len(snapshot.table), np.int64)
    for each in storage.attachments.values():
        column = snapshot.table.columns.get(each.spec.node_name)
        volume = storage.volume(each.spec.source.persistent_volume_name or "")
        if column is None or volume is None or volume.spec.csi is None or each.spec.attacher != driver:
            continue
        ref = volume.spec.claim_ref
        if ref is None or column not in snapshot.usage.columns(ObjectKey(ref.namespace, ref.name)):
            found[column] += 1
    return found
