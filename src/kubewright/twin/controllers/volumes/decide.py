"""What becomes of a claim, and of a volume. Pure.

The rules and the words are kube-controller-manager's (`pv_controller.go`): the volume is written first, and whatever
was written half is put right at the next look at either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.core import Pod
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.volumes import (
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    CLAIMS,
    OLD_STORAGE_PROVISIONER,
    PROVISIONED_BY,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    VOLUMES,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    claim_ref,
)
from kubewright.placement.storage import Storage, find_volume, is_for, mismatch
from kubewright.twin.controllers.writes import Announce, Patch, Write

LOOK_AGAIN_SECONDS = 15.0
"""A claim that has no volume is looked at as often."""
_ENDED = frozenset({"Released", "Failed"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be written, and whether the claim is to be looked at again without a reason."""

    writes: tuple[Write, ...] = ()
    pending: bool = False


def reserve(volume: PersistentVolume, claim: PersistentVolumeClaim) -> list[Patch]:
    """Return the write that makes the volume name the claim."""
    ref = volume.spec.claim_ref
    changes: Manifest = {}
    if ref is None or not is_for(volume, claim) or not ref.uid:
        changes["spec"] = {"claimRef": claim_ref(claim)}
    if not is_for(volume, claim) and BOUND_BY_CONTROLLER not in volume.metadata.annotations:
        changes["metadata"] = {"annotations": {BOUND_BY_CONTROLLER: "yes"}}
    version = volume.metadata.resource_version
    return [Patch(VOLUMES, volume.key, volume.metadata.uid, changes, resource_version=version)] if changes else []


def bind(volume: PersistentVolume, claim: PersistentVolumeClaim, now: float) -> tuple[Write, ...]:
    """Return what is missing so that each names the other and both are Bound."""
    changes: dict[str, Any] = {}
    annotations: dict[str, str] = {}
    if claim.spec.volume_name != volume.metadata.name:
        changes["spec"] = {"volumeName": volume.metadata.name}
        if BOUND_BY_CONTROLLER not in claim.metadata.annotations:
            annotations[BOUND_BY_CONTROLLER] = "yes"
    if BIND_COMPLETED not in claim.metadata.annotations:
        annotations[BIND_COMPLETED] = "yes"
    if annotations:
        changes["metadata"] = {"annotations": annotations}
    halves: list[Write] = [*reserve(volume, claim), *phase_of_volume(volume, "Bound", now)]
    if changes:
        halves.append(Patch(CLAIMS, claim.key, claim.metadata.uid, changes))
    return (*halves, *phase_of_claim(claim, "Bound", volume))


def phase_of_volume(volume: PersistentVolume, phase: str, now: float) -> list[Patch]:
    """Return the write that sets a volume's phase."""
    if volume.status.phase == phase:
        return []
    changes = {"status": {"phase": phase, "lastPhaseTransitionTime": rfc3339(now)}}
    return [Patch(VOLUMES, volume.key, volume.metadata.uid, changes, "status")]


def phase_of_claim(claim: PersistentVolumeClaim, phase: str, volume: PersistentVolume | None = None) -> list[Patch]:
    """Return the write that sets a claim's phase, and what it has."""
    status, changes = claim.status, dict[str, Any]()
    if status.phase != phase:
        changes["phase"] = phase
    if volume is None:
        changes |= {"accessModes": None} if status.access_modes is not None else {}
        changes |= {"capacity": None} if status.capacity is not None else {}
    else:
        if status.access_modes != volume.spec.access_modes:
            changes["accessModes"] = list(volume.spec.access_modes)
        if "phase" in changes:  # later sizes are for whoever resizes
            changes["capacity"] = dict(volume.spec.capacity)
    return [Patch(CLAIMS, claim.key, claim.metadata.uid, {"status": changes}, "status")] if changes else []


def sync_claim(
    claim: PersistentVolumeClaim, storage: Storage, waiting: Sequence[Pod], default: StorageClass | None, now: float
) -> Decision:
    """Return the next step for a claim; `waiting` are the pods that use it and have no node."""
    if BIND_COMPLETED in claim.metadata.annotations:
        return Decision(_sync_bound(claim, storage, now))
    if claim.spec.volume_name:
        return _sync_wanting(claim, storage, now)
    volume = find_volume(claim, storage.volumes.values(), waits=storage.waits(claim))
    if volume is not None:
        return Decision(bind(volume, claim, now))
    if not claim.has_class and default is not None:
        changes = {"spec": {"storageClassName": default.metadata.name}}
        return Decision((Patch(CLAIMS, claim.key, claim.metadata.uid, changes),))
    return Decision(_sync_without(claim, storage, waiting), pending=True)


def _sync_without(claim: PersistentVolumeClaim, storage: Storage, waiting: Sequence[Pod]) -> tuple[Write, ...]:
    """No volume does: wait for a pod, or ask for one to be made."""
    pending = tuple(phase_of_claim(claim, "Pending"))
    if storage.waits(claim) and SELECTED_NODE not in claim.metadata.annotations:
        return (_tell_waiting(claim, waiting), *pending)
    if claim.storage_class:
        return _ask_provisioner(claim, storage)
    text = "no persistent volumes available for this claim and no storage class is set"
    return (_tell(claim, "Normal", "FailedBinding", text), *pending)


def _tell(claim: PersistentVolumeClaim, type_: str, reason: str, message: str) -> Announce:
    return Announce(CLAIMS, claim, type_, reason, message)


def _tell_waiting(claim: PersistentVolumeClaim, waiting: Sequence[Pod]) -> Announce:
    names = ",".join(pod.metadata.name for pod in waiting)
    if not names:
        text = "waiting for first consumer to be created before binding"
        return _tell(claim, "Normal", "WaitForFirstConsumer", text)
    text = f"waiting for {'pods' if len(waiting) > 1 else 'pod'} {names} to be scheduled"
    return _tell(claim, "Normal", "WaitForPodScheduled", text)


def _ask_provisioner(claim: PersistentVolumeClaim, storage: Storage) -> tuple[Write, ...]:
    """Name the provisioner that is to make a volume."""
    found = storage.class_of(claim)
    if found is None:
        text = f'storageclass.storage.k8s.io "{claim.storage_class}" not found'
        return (_tell(claim, "Warning", "ProvisioningFailed", text),)
    names = dict.fromkeys((STORAGE_PROVISIONER, OLD_STORAGE_PROVISIONER), found.provisioner)
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{found.provisioner}' "
        "or manually by the system administrator. If volume creation is delayed, please verify that "
        "the provisioner is running and correctly registered."
    )
    told = _tell(claim, "Normal", "ExternalProvisioning", text)
    if names.items() <= claim.metadata.annotations.items():
        return (told,)
    return (Patch(CLAIMS, claim.key, claim.metadata.uid, {"metadata": {"annotations": names}}), told)


def _sync_wanting(claim: PersistentVolumeClaim, storage: Storage, now: float) -> Decision:
    """The claim asks for one volume by name."""
    volume = storage.volume(claim.spec.volume_name)
    pending = tuple(phase_of_claim(claim, "Pending"))
    if volume is None:
        return Decision(pending, pending=True)
    if volume.spec.claim_ref is None:
        problem = mismatch(volume, claim)
        if problem:
            text = f'Cannot bind to requested volume "{volume.metadata.name}": {problem}'
            return Decision((_tell(claim, "Warning", "VolumeMismatch", text), *pending), pending=True)
        return Decision(bind(volume, claim, now))
    if is_for(volume, claim):
        return Decision(bind(volume, claim, now))
    text = f'volume "{volume.metadata.name}" already bound to a different claim.'
    return Decision((_tell(claim, "Warning", "FailedBinding", text), *pending), pending=True)


def _sync_bound(claim: PersistentVolumeClaim, storage: Storage, now: float) -> tuple[Write, ...]:
    if not claim.spec.volume_name:
        text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return _lost(claim, "ClaimLost", text)
    volume = storage.volume(claim.spec.volume_name)
    if volume is None:
        return _lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    if volume.spec.claim_ref is None or volume.spec.claim_ref.uid == claim.metadata.uid:
        return bind(volume, claim, now)
    text = "Two claims are bound to the same volume, this one is bound incorrectly"
    return _lost(claim, "ClaimMisbound", text)


def _lost(claim: PersistentVolumeClaim, reason: str, text: str) -> tuple[Write, ...]:
    writes = phase_of_claim(claim, "Lost")
    return (*writes, _tell(claim, "Warning", reason, text)) if claim.status.phase != "Lost" else tuple(writes)


def sync_volume(volume: PersistentVolume, claim: PersistentVolumeClaim | None, now: float) -> tuple[Write, ...]:
    """Return the next step for a volume; `claim` is the one that it names by uid, if that is there."""
    ref = volume.spec.claim_ref
    if ref is None or not ref.uid:
        return tuple(phase_of_volume(volume, "Available", now))
    if claim is None:
        return tuple(phase_of_volume(volume, "Released", now)) if volume.status.phase not in _ENDED else ()
    if not claim.spec.volume_name:
        return ()  # the claim's turn comes
    if claim.spec.volume_name == volume.metadata.name:
        return tuple(phase_of_volume(volume, "Bound", now))
    if PROVISIONED_BY in volume.metadata.annotations and volume.spec.persistent_volume_reclaim_policy == "Delete":
        return tuple(phase_of_volume(volume, "Released", now)) if volume.status.phase not in _ENDED else ()
    return _unbind(volume, now)


def _unbind(volume: PersistentVolume, now: float) -> tuple[Write, ...]:
    """The claim got another volume: this one is free again, or as it was meant by hand."""
    if BOUND_BY_CONTROLLER in volume.metadata.annotations:
        changes: Manifest = {"spec": {"claimRef": None}, "metadata": {"annotations": {BOUND_BY_CONTROLLER: None}}}
    else:
        changes = {"spec": {"claimRef": {"uid": None}}}
    return (Patch(VOLUMES, volume.key, volume.metadata.uid, changes), *phase_of_volume(volume, "Available", now))
