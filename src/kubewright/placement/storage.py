"""Volumes as placement sees them: which claim a pod uses, which volume would do for it, and on which nodes.

The same rules serve whoever binds claims to volumes (`FindMatchingVolume` and the VolumeBinding plugin). Pure: what is
looked up are caches that somebody else keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import (
    SELECTED_NODE,
    CsiDriver,
    CsiNode,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
    claim_names,
)

T_co = TypeVar("T_co", covariant=True)
Labels = Mapping[str, str]


class Lookup(Protocol[T_co]):
    """Objects by key: a dict, or an informer's index."""

    def get(self, key: ObjectKey, /) -> T_co | None:
        """Return the object of this key, or None."""
        ...

    def values(self) -> Collection[T_co]:
        """Return all of them."""
        ...


@dataclass(frozen=True, slots=True)
class Storage:
    """What there is: claims, volumes, classes to make volumes from, and what nodes can attach."""

    claims: Lookup[PersistentVolumeClaim] = field(default_factory=dict[ObjectKey, PersistentVolumeClaim])
    volumes: Lookup[PersistentVolume] = field(default_factory=dict[ObjectKey, PersistentVolume])
    classes: Lookup[StorageClass] = field(default_factory=dict[ObjectKey, StorageClass])
    reserved: dict[str, ObjectKey] = field(default_factory=dict[str, ObjectKey])
    """Volumes, by name, that were chosen for a claim and do not say so yet."""
    csi_nodes: Lookup[CsiNode] = field(default_factory=dict[ObjectKey, CsiNode])
    csi_drivers: Lookup[CsiDriver] = field(default_factory=dict[ObjectKey, CsiDriver])
    attachments: Lookup[VolumeAttachment] = field(default_factory=dict[ObjectKey, VolumeAttachment])

    def claims_of(self, pod: Pod) -> list[PersistentVolumeClaim]:
        """Return the claims of a pod that are there."""
        keys = (ObjectKey(pod.metadata.namespace, name) for name in claim_names(pod))
        return [claim for key in keys if (claim := self.claims.get(key)) is not None]

    def class_of(self, claim: PersistentVolumeClaim) -> StorageClass | None:
        """Return a claim's class, if there is such a one."""
        return self.classes.get(ObjectKey("", claim.storage_class)) if claim.storage_class else None

    def waits(self, claim: PersistentVolumeClaim) -> bool:
        """Tell whether a claim waits for a pod before it gets a volume."""
        found = self.class_of(claim)
        return found is not None and found.waits

    def driver_of(self, claim: PersistentVolumeClaim) -> str:
        """Return the CSI driver that attaches a claim's volume, or will; nothing if none does or it is not known."""
        volume = self.volume(claim.spec.volume_name) if claim.spec.volume_name else None
        if volume is not None:
            return "" if volume.spec.csi is None else volume.spec.csi.driver
        found = self.class_of(claim)
        return "" if found is None else found.provisioner

    def csi_driver(self, name: str) -> CsiDriver | None:
        """Return a driver by name."""
        return self.csi_drivers.get(ObjectKey("", name))

    def is_served(self, pod: Pod) -> bool:
        """Tell whether all of a pod's claims have their volumes."""
        return all(each.is_bound for each in self.claims_of(pod))

    def is_promised_elsewhere(self, pod: Pod, node: str) -> bool:
        """Tell whether volumes for one of a pod's claims are to be made for another node."""
        selected = {each.metadata.annotations.get(SELECTED_NODE, node) for each in self.claims_of(pod)}
        return not selected <= {node}

    def release(self, pod: Pod) -> None:
        """Give back what was reserved for a pod's claims: by now the volumes say so, or they are free."""
        keys = {each.key for each in self.claims_of(pod)}
        for name in [name for name, key in self.reserved.items() if key in keys]:
            del self.reserved[name]

    def volume(self, name: str) -> PersistentVolume | None:
        """Return a volume by name."""
        return self.volumes.get(ObjectKey("", name))


NO_STORAGE = Storage()


def claims_problem(pod: Pod, storage: Storage) -> str:
    """Return what is wrong with a pod's claims whatever the node, in kube-scheduler's words; nothing if all is well."""
    waiting = False
    for volume in pod.spec.volumes:
        given = volume.persistent_volume_claim
        if given is None and volume.ephemeral is None:
            continue
        name = given.claim_name if given is not None else f"{pod.metadata.name}-{volume.name}"
        claim = storage.claims.get(ObjectKey(pod.metadata.namespace, name))
        if claim is None and given is None:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.status.phase == "Lost":
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.spec.volume_name}"'
        if claim.metadata.deletion_timestamp is not None:
            return f'persistentvolumeclaim "{name}" is being deleted'
        waiting |= not claim.is_bound and not (storage.waits(claim) and not claim.spec.volume_name)
    return "pod has unbound immediate PersistentVolumeClaims" if waiting else ""


def is_for(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Tell whether a volume names a claim as its own."""
    ref = volume.spec.claim_ref
    if ref is None or (ref.namespace, ref.name) != (claim.metadata.namespace, claim.metadata.name):
        return False
    return not ref.uid or ref.uid == claim.metadata.uid


def mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str:
    """Return why a volume does not do for a claim that asks for it by name; nothing if it does."""
    attributes = [each.spec.volume_attributes_class_name or "" for each in (volume, claim)]
    problems = (
        (volume.metadata.deletion_timestamp is not None, f'the volume is marked for deletion "{volume.metadata.name}"'),
        (volume.size_bytes < claim.size_bytes, "requested PV is too small"),
        (volume.storage_class != claim.storage_class, "storageClassName does not match"),
        (attributes[0] != attributes[1], "volumeAttributesClassName does not match"),
        (volume.spec.volume_mode != claim.spec.volume_mode, "incompatible volumeMode"),
        (not set(claim.spec.access_modes) <= set(volume.spec.access_modes), "incompatible accessMode"),
    )
    return next((text for holds, text in problems if holds), "")


def find_volume(
    claim: PersistentVolumeClaim,
    volumes: Iterable[PersistentVolume],
    *,
    node: Labels | None = None,
    taken: Collection[str] = (),
    waits: bool = False,
) -> PersistentVolume | None:
    """Return the volume that a claim should get: one that is meant for it, else the smallest that does.

    With `node`, its labels, the volume must be reachable from there. A claim that `waits` for a pod gets without a
    node only what is meant for it.
    """
    fitting: list[PersistentVolume] = []
    for volume in candidates(claim, volumes, taken):
        reachable = node is None or volume.is_reachable_from(node)
        if is_for(volume, claim):
            return volume if reachable else None
        if reachable and not (node is None and waits):
            fitting.append(volume)
    return min(fitting, key=_wasted, default=None)


def candidates(
    claim: PersistentVolumeClaim, volumes: Iterable[PersistentVolume], taken: Collection[str] = ()
) -> Iterator[PersistentVolume]:
    """Yield the volumes that do for a claim, by name, up to the first that is meant for it."""
    fitting = [each for each in volumes if each.metadata.name not in taken and not _is_out_of_question(each, claim)]
    for volume in sorted(fitting, key=lambda each: each.metadata.name):
        if is_for(volume, claim):
            yield volume
            return
        if _is_free(volume, claim):
            yield volume


def _is_out_of_question(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    taken = volume.spec.claim_ref is not None and not is_for(volume, claim)
    same_kind = volume.spec.volume_mode == claim.spec.volume_mode and (
        (volume.spec.volume_attributes_class_name or "") == (claim.spec.volume_attributes_class_name or "")
    )
    gone = volume.metadata.deletion_timestamp is not None
    return taken or not same_kind or gone or volume.size_bytes < claim.size_bytes


def _is_free(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    selector = claim.spec.selector
    return (
        volume.status.phase == "Available"
        and volume.storage_class == claim.storage_class
        and set(claim.spec.access_modes) <= set(volume.spec.access_modes)
        and (selector is None or selector.matches(volume.metadata.labels))
    )


def _wasted(volume: PersistentVolume) -> tuple[int, int]:
    return len(volume.spec.access_modes), volume.size_bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """What a pod's unbound claims get on a node: a volume each, or one to be made for that node."""

    volumes: tuple[tuple[PersistentVolumeClaim, PersistentVolume], ...] = ()
    made: tuple[PersistentVolumeClaim, ...] = ()


def choose(pod: Pod, storage: Storage, name: str, labels: Labels) -> Choice | None:
    """Return what the pod's unbound claims get on the node of that name and labels; None when there is nothing."""
    taken = set(storage.reserved)
    volumes: list[tuple[PersistentVolumeClaim, PersistentVolume]] = []
    made: list[PersistentVolumeClaim] = []
    unbound = [claim for claim in storage.claims_of(pod) if not claim.is_bound]
    for claim in sorted(unbound, key=lambda each: each.size_bytes):
        selected = claim.metadata.annotations.get(SELECTED_NODE)
        if selected:
            if selected != name:
                return None
            made.append(claim)
            continue
        volume = find_volume(claim, storage.volumes.values(), node=labels, taken=taken)
        if volume is not None:
            taken.add(volume.metadata.name)
            volumes.append((claim, volume))
        elif _can_be_made(storage.class_of(claim), labels):
            made.append(claim)
        else:
            return None
    return Choice(tuple(volumes), tuple(made))


def _can_be_made(storage_class: StorageClass | None, labels: Labels) -> bool:
    return storage_class is not None and storage_class.makes and storage_class.can_be_at(labels)
