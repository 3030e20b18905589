"""What the volumes of placed pods take: claims that one pod has for itself, room to attach, disks named in pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.pods import DiskVolumeSource, Volume
from kubewright.api.volumes import claim_names
from kubewright.placement.counts import CountRows
from kubewright.placement.sharded import Sharded
from kubewright.placement.storage import Storage

Disk: TypeAlias = tuple[str, DiskVolumeSource]
"""The sort of a disk and the disk."""


class Usage:
    """Counts what is used; a part of a snapshot."""

    __slots__ = ("_claims", "_columns", "_n_nodes", "attached", "disks")

    def __init__(self, n_nodes: int) -> None:
        self._n_nodes = n_nodes
        self._claims: Sharded[tuple[ObjectKey, int], tuple[int, str]] = Sharded()
        """By claim and column, how many pods there use it, and the driver that attaches it."""
        self._columns: Sharded[ObjectKey, tuple[int, ...]] = Sharded()
        """By claim, the columns where it is used."""
        self.attached = CountRows[str](n_nodes)
        """By driver, how many claims are used on each node: one that many pods share counts once."""
        self.disks: dict[ObjectKey, tuple[int, tuple[Disk, ...]]] = {}
        """By pod, its column and the disks that it names itself."""

    def copy(self) -> Usage:
        """Return an independent copy."""
        copy = Usage(self._n_nodes)
        copy._claims, copy._columns, copy.attached = self._claims.copy(), self._columns.copy(), self.attached.copy()
        copy.disks = self.disks.copy()
        return copy

    def resize(self, n_nodes: int) -> None:
        """Have so many nodes; on those that are cut off nothing is used."""
        self._n_nodes = n_nodes
        self.attached.resize(n_nodes)

    def take(self, pod: Pod, column: int, storage: Storage) -> None:
        """Count a pod's volumes in."""
        for name in claim_names(pod):
            key = ObjectKey(pod.metadata.namespace, name)
            n_users, driver = self._claims.get((key, column)) or (0, "")
            if not n_users:
                claim = storage.claims.get(key)
                driver = "" if claim is None else storage.driver_of(claim)
                self._columns.put(key, (*self.columns(key), column))
                self.attached.add(driver, column, 1)
            self._claims.put((key, column), (n_users + 1, driver))
        disks = tuple(disks_of(pod))
        if disks:
            self.disks[pod.key] = (column, disks)

    def give_back(self, pod: Pod, column: int) -> None:
        """Count a pod's volumes out."""
        for name in claim_names(pod):
            key = ObjectKey(pod.metadata.namespace, name)
            n_users, driver = self._claims[key, column]
            if n_users > 1:
                self._claims.put((key, column), (n_users - 1, driver))
                continue
            self._claims.pop((key, column))
            self._columns.put(key, tuple(each for each in self.columns(key) if each != column))
            self.attached.add(driver, column, -1)
        self.disks.pop(pod.key, None)

    def users(self, claim: ObjectKey) -> int:
        """Return how many placed pods use a claim."""
        return sum((self._claims.get((claim, column)) or (0,))[0] for column in self.columns(claim))

    def columns(self, claim: ObjectKey) -> tuple[int, ...]:
        """Return the columns where placed pods use a claim."""
        return self._columns.get(claim) or ()


def disks_of(pod: Pod) -> Iterator[Disk]:
    """Yield the disks that a pod names itself."""
    for volume in pod.spec.volumes:
        for sort, disk in _sorts(volume):
            if disk is not None:
                yield sort, disk


def _sorts(volume: Volume) -> tuple[tuple[str, DiskVolumeSource | None], ...]:
    return (
        ("gce", volume.gce_persistent_disk),
        ("ebs", volume.aws_elastic_block_store),
        ("iscsi", volume.iscsi),
        ("rbd", volume.rbd),
    )


def exclude(one: Disk, other: Disk) -> bool:
    """Tell whether two pods with these disks cannot share a node (`isVolumeConflict`)."""
    if one[0] != other[0]:
        return False
    a, b = one[1], other[1]
    both_read = a.read_only and b.read_only
    match one[0]:
        case "gce":
            return a.pd_name == b.pd_name and not both_read
        case "ebs":
            return a.volume_id == b.volume_id
        case "iscsi":
            return a.iqn == b.iqn and not both_read
        case _:
            same = bool(set(a.monitors) & set(b.monitors)) and (a.pool, a.image) == (b.pool, b.image)
            return same and not both_read
