"""How many volumes of a driver a node can attach, as its CSINode says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import PersistentVolumeClaim
from kubewright.placement.filters.protocol import Reason, Scope
from kubewright.placement.filters.volumes import has_claims
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class VolumeLimits:
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

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> bool:
        """Tell whether one node has them."""
        return bool(self.mask(pod, snapshot)[column])

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
    mask = snapshot.table.all()
    if found is not None and found.spec.prevent_pod_scheduling_if_missing:
        mask[:] = False
        for node in snapshot.storage.csi_nodes.values():
            column = snapshot.table.columns.get(node.metadata.name)
            if column is not None:
                mask[column] = any(each.name == driver for each in node.spec.drivers or ())
    return mask


def _has_room(driver: str, claims: list[PersistentVolumeClaim], snapshot: ClusterSnapshot) -> NodeMask:
    limits = _limits(driver, snapshot)
    mask = snapshot.table.all()
    if not limits:
        return mask
    attached = snapshot.usage.attached.get(driver)
    others = _attached_for_nobody(driver, snapshot)
    for column, limit in limits.items():
        there = 0 if attached is None else int(attached[column])
        new = sum(column not in snapshot.usage.columns(each.key) for each in claims)
        mask[column] = not new or there + others.get(column, 0) + new <= limit
    return mask


def _limits(driver: str, snapshot: ClusterSnapshot) -> dict[int, int]:
    limits: dict[int, int] = {}
    for node in snapshot.storage.csi_nodes.values():
        column = snapshot.table.columns.get(node.metadata.name)
        for each in node.spec.drivers or ():
            if column is not None and each.name == driver and each.allocatable and each.allocatable.count is not None:
                limits[column] = each.allocatable.count
    return limits


def _attached_for_nobody(driver: str, snapshot: ClusterSnapshot) -> dict[int, int]:
    """Count the volumes that are attached to a node where no pod uses them (yet, or any more)."""
    storage, found = snapshot.storage, dict[int, int]()
    for each in storage.attachments.values():
        column = snapshot.table.columns.get(each.spec.node_name)
        volume = storage.volume(each.spec.source.persistent_volume_name or "")
        if column is None or volume is None or volume.spec.csi is None or each.spec.attacher != driver:
            continue
        ref = volume.spec.claim_ref
        if ref is None or column not in snapshot.usage.columns(ObjectKey(ref.namespace, ref.name)):
            found[column] = found.get(column, 0) + 1
    return found
