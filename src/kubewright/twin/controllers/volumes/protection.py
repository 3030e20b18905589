"""Claims that pods use and volumes that are bound stay until they are free, and claims say whether they are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import KubeObject, ObjectKey, Resource, rfc3339
from kubewright.api.volumes import CLAIMS, VOLUMES, PersistentVolume, PersistentVolumeClaim, claim_names
from kubewright.client.protocol import PatchType
from kubewright.runtime.controller import Done, watch_own
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import BY_CLAIM, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Patch, Writer

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
NAME = "pvc-protection-controller"


_Kept: TypeAlias = Resource[PersistentVolumeClaim] | Resource[PersistentVolume]


def released(obj: KubeObject, resource: _Kept, name: str) -> Patch:
    """Return the write that takes a finalizer off."""
    return _with_finalizers(obj, resource, [each for each in obj.metadata.finalizers if each != name])


def _with_finalizers(obj: KubeObject, resource: _Kept, finalizers: list[str]) -> Patch:
    changes = {"metadata": {"finalizers": finalizers or None}}
    version = obj.metadata.resource_version
    return Patch(resource, obj.key, obj.metadata.uid, changes, resource_version=version)


def _guard(obj: KubeObject, resource: _Kept, name: str, *, used: bool) -> list[Patch]:
    """Hold what is there, and let go what is to go and not used."""
    held = name in obj.metadata.finalizers
    if obj.metadata.deletion_timestamp is not None:
        return [released(obj, resource, name)] if held and not used else []
    return [] if held else [_with_finalizers(obj, resource, [*obj.metadata.finalizers, name])]


def protect_claim(claim: PersistentVolumeClaim, users: Sequence[Pod], now: float) -> list[Patch]:
    """Return what a claim's users mean for it."""
    guarding = _guard(claim, CLAIMS, CLAIM_FINALIZER, used=any(pod.spec.node_name for pod in users))
    if guarding or claim.metadata.deletion_timestamp is not None or claim.status.phase != "Bound":
        return guarding
    used = any(not pod.is_finished for pod in users)
    said = find_condition(claim.status.conditions, "Unused")
    status = "False" if used else "True"
    if said is not None and said.status == status:
        return []
    reason, message = (
        ("PodUsingPVC", "A pod is currently referencing this PVC")
        if used
        else ("NoPodsUsingPVC", "No pods are currently referencing this PVC")
    )
    condition = {"type": "Unused", "status": status, "reason": reason, "message": message}
    changes = {"status": {"conditions": [{**condition, "lastTransitionTime": rfc3339(now)}]}}
    return [Patch(CLAIMS, claim.key, claim.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC)]


def protect_volume(volume: PersistentVolume) -> list[Patch]:
    """Return what lets a volume go that is deleted and not bound."""
    return _guard(volume, VOLUMES, VOLUME_FINALIZER, used=volume.status.phase == "Bound")


@dataclass(frozen=True, slots=True)
class ClaimProtector:
    """One claim's turn."""

    caches: Caches
    writer: Writer
    context: Context

    async def reconcile(self, key: ObjectKey) -> Done:
        """Keep a claim as long as it is used."""
        claim = self.caches.claims.index.get(key)
        if claim is not None:
            users = self.caches.pods.index.by(BY_CLAIM, key)
            await self.writer.do(protect_claim(claim, users, self.context.clock.now()))
        return Done()


@dataclass(frozen=True, slots=True)
class VolumeProtector:
    """One volume's turn."""

    volumes: Informer[PersistentVolume]
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done:
        """Keep a volume as long as it is bound."""
        volume = self.volumes.index.get(key)
        if volume is not None:
            await self.writer.do(protect_volume(volume))
        return Done()


def add_to(context: Context) -> None:
    """Wire the controllers: claims with the pods that use them, and volumes."""
    caches = context.caches
    claims, volumes = context.queue(NAME, ObjectKey), context.queue("pv-protection-controller", ObjectKey)
    watch_own(caches.claims, claims)
    caches.pods.add_handler(lambda change: _on_pod(change, claims))
    informers = (caches.claims, caches.pods)
    context.controller(NAME, ClaimProtector(caches, context.writer(NAME), context), claims, informers)
    watch_own(caches.volumes, volumes)
    protector = VolumeProtector(caches.volumes, context.writer("pv-protection-controller"))
    context.controller("pv-protection-controller", protector, volumes, (caches.volumes,))


def _on_pod(change: Change[Pod], queue: WorkQueue[ObjectKey]) -> None:
    old, new = change.old, change.new
    if old is not None and new is not None and _digest(old) == _digest(new):
        return
    for pod in (old, new):
        if pod is not None and pod.spec.volumes:
            for name in claim_names(pod):
                queue.add(ObjectKey(pod.metadata.namespace, name))


def _digest(pod: Pod) -> tuple[object, ...]:
    return pod.metadata.uid, pod.spec.node_name, pod.is_finished
