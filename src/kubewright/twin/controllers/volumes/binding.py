"""Runs the decisions about claims and volumes."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import (
    CLAIMS,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.storage import Storage
from kubewright.runtime.controller import Done, RequeueAfter, watch_mapped, watch_own
from kubewright.twin.caches import BY_CLAIM, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.volumes.decide import LOOK_AGAIN_SECONDS, sync_claim, sync_volume
from kubewright.twin.controllers.writes import Writer

NAME = "persistentvolume-controller"
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def storage_of(caches: Caches) -> Storage:
    """Return a live view of claims, volumes, classes, and what nodes attach."""
    return Storage(
        caches.claims.index,
        caches.volumes.index,
        caches.storage_classes.index,
        csi_nodes=caches.csi_nodes.index,
        csi_drivers=caches.csi_drivers.index,
    )


@dataclass(frozen=True, slots=True)
class ClaimReconciler:
    """One claim's turn."""

    caches: Caches
    storage: Storage
    writer: Writer
    context: Context

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one claim on."""
        claim = self.storage.claims.get(key)
        if claim is None:
            return Done()
        users = self.caches.pods.index.by(BY_CLAIM, key)
        waiting = sorted((pod for pod in users if not pod.spec.node_name), key=_name)
        decision = sync_claim(claim, self.storage, waiting, self._default(), self.context.clock.now())
        await self.writer.do(decision.writes)
        return RequeueAfter(LOOK_AGAIN_SECONDS) if decision.pending else Done()

    def _default(self) -> StorageClass | None:
        """Return the newest of the default classes, of several the first by name."""
        found = [each for each in self.storage.classes.values() if _is_default(each)]
        found.sort(key=lambda each: each.metadata.name)
        return max(found, key=lambda each: each.metadata.creation_timestamp or "", default=None)


@dataclass(frozen=True, slots=True)
class VolumeReconciler:
    """One volume's turn."""

    storage: Storage
    writer: Writer
    context: Context

    async def reconcile(self, key: ObjectKey) -> Done:
        """Bring one volume on."""
        volume = self.storage.volumes.get(key)
        if volume is not None:
            claim = await self._claim(volume)
            await self.writer.do(sync_volume(volume, claim, self.context.clock.now()))
        return Done()

    async def _claim(self, volume: PersistentVolume) -> PersistentVolumeClaim | None:
        """Return the very claim that the volume names; one that the cache lacks may still be on its way."""
        ref = volume.spec.claim_ref
        if ref is None or not ref.uid:
            return None
        key = ObjectKey(ref.namespace, ref.name)
        claim = self.storage.claims.get(key)
        if claim is None or claim.metadata.uid != ref.uid:
            try:
                claim = await self.context.client.get(CLAIMS, key)
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
                return None
        return claim if claim.metadata.uid == ref.uid else None


def _name(pod: Pod) -> str:
    return pod.metadata.name


def _is_default(each: StorageClass) -> bool:
    return any(each.metadata.annotations.get(key) == "true" for key in _DEFAULT)


def add_to(context: Context) -> None:
    """Wire the controller: claims, and volumes with what they name and are named by."""
    caches = context.caches
    storage, writer = storage_of(caches), context.writer(NAME)
    informers = (caches.claims, caches.volumes, caches.storage_classes, caches.pods)
    claims = context.queue("claims", ObjectKey)
    watch_own(caches.claims, claims)
    watch_mapped(caches.volumes, claims, _named_by)
    context.controller(NAME, ClaimReconciler(caches, storage, writer, context), claims, informers)
    volumes = context.queue("volumes", ObjectKey)
    watch_own(caches.volumes, volumes)
    watch_mapped(caches.claims, volumes, _named)
    context.controller("volume-controller", VolumeReconciler(storage, writer, context), volumes, informers)


def _named_by(volume: PersistentVolume) -> tuple[ObjectKey, ...]:
    ref = volume.spec.claim_ref
    return (ObjectKey(ref.namespace, ref.name),) if ref is not None else ()


def _named(claim: PersistentVolumeClaim) -> tuple[ObjectKey, ...]:
    return (ObjectKey("", claim.spec.volume_name),) if claim.spec.volume_name else ()
