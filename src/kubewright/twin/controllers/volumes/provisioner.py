"""A simulated provisioner: it makes, grows and takes back the volumes of StorageClasses that name it.

A volume belongs to a zone: that of the node that was chosen for the claim's pod, else one that the class allows. It
works as sidecars of CSI drivers do (external-provisioner, external-resizer), with their words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kubewright.api.core import Node
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.quantity import value
from kubewright.api.volumes import (
    CLAIMS,
    PROVISIONED_BY,
    SELECTED_NODE,
    STORAGE,
    STORAGE_PROVISIONER,
    VOLUMES,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    claim_ref,
)
from kubewright.placement.storage import Storage
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.volumes.binding import storage_of
from kubewright.twin.controllers.volumes.protection import released
from kubewright.twin.controllers.writes import Announce, Create, Patch, Remove, Write, Writer

PROVISIONER = "twin.kubewright.dev/disk"
SECONDS = 1.0
"""So long it takes to make, grow or take back a volume."""
FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"
ZONE = "topology.kubernetes.io/zone"


def zone_for(storage_class: StorageClass, node: Node | None, nodes: Iterable[Node]) -> str:
    """Return the zone of the chosen node, else the first by name that the class allows; nothing without zones."""
    if node is not None:
        return node.metadata.labels.get(ZONE, "")
    allowed = [each.metadata.labels for each in nodes if storage_class.can_be_at(each.metadata.labels)]
    return min((labels[ZONE] for labels in allowed if ZONE in labels), default="")


def new_volume(claim: PersistentVolumeClaim, storage_class: StorageClass, zone: str) -> Manifest:
    """Return the volume that is made for a claim."""
    name = f"pvc-{claim.metadata.uid}"
    spec: Manifest = {
        "capacity": {STORAGE: claim.spec.resources.requests.get(STORAGE, "0")},
        "accessModes": list(claim.spec.access_modes),
        "persistentVolumeReclaimPolicy": storage_class.reclaim_policy,
        "storageClassName": storage_class.metadata.name,
        "volumeMode": claim.spec.volume_mode,
        "claimRef": claim_ref(claim),
        "csi": {"driver": PROVISIONER, "volumeHandle": name},
    }
    if storage_class.mount_options:
        spec["mountOptions"] = list(storage_class.mount_options)
    if zone:
        expression = {"key": ZONE, "operator": "In", "values": [zone]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    metadata = {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}, "finalizers": [FINALIZER]}
    return {"apiVersion": VOLUMES.api_version, "kind": VOLUMES.kind, "metadata": metadata, "spec": spec}


def grow(claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Write]:
    """Return what gives a bound claim the larger size that it asks for."""
    wanted = claim.spec.resources.requests.get(STORAGE, "0")
    has = (claim.status.capacity or {}).get(STORAGE, "0")
    if value(wanted) <= value(has):
        return []
    size = {STORAGE: wanted}
    return [
        Announce(CLAIMS, claim, "Normal", "Resizing", f"External resizer is resizing volume {volume.metadata.name}"),
        Patch(VOLUMES, volume.key, volume.metadata.uid, {"spec": {"capacity": size}}),
        Patch(CLAIMS, claim.key, claim.metadata.uid, {"status": {"capacity": size}}, "status"),
        Announce(CLAIMS, claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded"),
    ]


@dataclass(frozen=True, slots=True)
class Provisioner:
    """One claim's turn: the volume that it lacks, or the size."""

    caches: Caches
    storage: Storage
    writer: Writer
    context: Context
    begun: dict[str, float] = field(default_factory=dict[str, float])
    """When the work for each claim, by uid, will be done."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Serve one claim."""
        claim = self.storage.claims.get(key)
        if claim is None or claim.metadata.deletion_timestamp is not None:
            return Done()
        if claim.is_bound:
            return await self._grow(claim)
        asked = claim.metadata.annotations.get(STORAGE_PROVISIONER) == PROVISIONER
        storage_class = self.storage.class_of(claim)
        if not asked or storage_class is None or claim.spec.volume_name:
            return Done()
        if self.storage.volume(f"pvc-{claim.metadata.uid}") is not None:
            return Done()
        selected = claim.metadata.annotations.get(SELECTED_NODE)
        if storage_class.waits and not selected:
            return Done()
        if claim.metadata.uid not in self.begun:
            text = f'External provisioner is provisioning volume for claim "{key}"'
            await self.writer.do_one(Announce(CLAIMS, claim, "Normal", "Provisioning", text))
        left = self._left(claim)
        return RequeueAfter(left) if left else await self._make(claim, storage_class, selected)

    def _left(self, claim: PersistentVolumeClaim) -> float:
        """Return how many seconds the work for a claim still takes."""
        now = self.context.clock.now()
        left = self.begun.setdefault(claim.metadata.uid, now + SECONDS) - now
        if left > 0:
            return left
        del self.begun[claim.metadata.uid]
        return 0.0

    async def _make(self, claim: PersistentVolumeClaim, storage_class: StorageClass, selected: str | None) -> Done:
        nodes = self.caches.nodes.index
        node = nodes.get(ObjectKey("", selected)) if selected else None
        if selected and node is None:
            # The node went meanwhile: let the scheduler choose again.
            changes = {"metadata": {"annotations": {SELECTED_NODE: None}}}
            await self.writer.do_one(Patch(CLAIMS, claim.key, claim.metadata.uid, changes))
            return Done()
        manifest = new_volume(claim, storage_class, zone_for(storage_class, node, nodes.values()))
        text = f"Successfully provisioned volume {manifest['metadata']['name']}"
        await self.writer.do_one(Create(VOLUMES, manifest, once=True))
        await self.writer.do_one(Announce(CLAIMS, claim, "Normal", "ProvisioningSucceeded", text))
        return Done()

    async def _grow(self, claim: PersistentVolumeClaim) -> Done | RequeueAfter:
        volume = self.storage.volume(claim.spec.volume_name)
        if volume is None or volume.metadata.annotations.get(PROVISIONED_BY) != PROVISIONER:
            return Done()
        writes = grow(claim, volume)
        left = self._left(claim) if writes else 0.0
        if left:
            return RequeueAfter(left)
        await self.writer.do(writes)
        return Done()


@dataclass(frozen=True, slots=True)
class Reclaimer:
    """One volume's turn: it is taken back when its claim is gone and its class says so."""

    storage: Storage
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done:
        """Take back one volume."""
        volume = self.storage.volumes.get(key)
        if volume is None or volume.metadata.annotations.get(PROVISIONED_BY) != PROVISIONER:
            return Done()
        gone, doomed = volume.metadata.deletion_timestamp is not None, volume.status.phase == "Released"
        if gone and volume.status.phase != "Bound" and FINALIZER in volume.metadata.finalizers:
            await self.writer.do_one(released(volume, VOLUMES, FINALIZER))
        elif doomed and not gone and volume.spec.persistent_volume_reclaim_policy == "Delete":
            await self.writer.do_one(Remove(VOLUMES, key, volume.metadata.uid))
        return Done()


def add_to(context: Context) -> None:
    """Wire the controller: claims and volumes."""
    caches = context.caches
    storage, writer = storage_of(caches), context.writer(PROVISIONER)
    claims, volumes = context.queue("provisioner", ObjectKey), context.queue("reclaimer", ObjectKey)
    watch_own(caches.claims, claims)
    informers = (caches.claims, caches.volumes, caches.nodes)
    context.controller("provisioner", Provisioner(caches, storage, writer, context), claims, informers)
    watch_own(caches.volumes, volumes)
    context.controller("reclaimer", Reclaimer(storage, writer), volumes, informers)
