"""Volumes for a pod that has been given a node: reserved or asked for before the pod is bound, and waited for.

As kube-scheduler's VolumeBinding plugin does: a volume that is there is made to name the claim, of one that is to be
made the claim is told the node; then others bind the two, and the pod waits until they have.
"""

from __future__ import annotations

from kubewright.api.core import Node, Pod
from kubewright.api.meta import Manifest
from kubewright.api.volumes import (
    BOUND_BY_CONTROLLER,
    CLAIMS,
    SELECTED_NODE,
    VOLUMES,
    PersistentVolume,
    PersistentVolumeClaim,
    claim_ref,
)
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.storage import Storage, choose, is_for
from kubewright.scheduler.patience import until

_OP = "schedule.volumes"


class Volumes:
    """Serves pods' claims on their nodes; `storage` is a live view of claims, volumes and classes."""

    def __init__(self, client: Client, storage: Storage, name: str) -> None:
        self._client = client
        self._storage = storage
        self._name = name

    async def serve(self, pod: Pod, node: Node) -> None:
        """Give the pod's claims volumes on the node; raises OpError when that did not come about in ten minutes."""
        choice = choose(pod, self._storage, node.metadata.name, node.metadata.labels)
        if choice is None:
            raise OpError(_OP, ErrorKind.CONFLICT, f"Pod/{pod.key}", "the volumes chosen for it went to others")
        for claim, volume in choice.volumes:
            self._storage.reserved[volume.metadata.name] = claim.key
        for claim, volume in choice.volumes:
            await self._reserve(volume, claim)
        for claim in choice.made:
            await self._ask_for(claim, node.metadata.name)
        late = "its volumes were not bound in time"
        await until(lambda: self._is_served(pod, node.metadata.name), _OP, f"Pod/{pod.key}", late)

    def release(self, pod: Pod) -> None:
        """Give back what was reserved for a pod's claims: by now the volumes say so, or they are free."""
        self._storage.release(pod)

    async def _reserve(self, volume: PersistentVolume, claim: PersistentVolumeClaim) -> None:
        """Make a volume name the claim, provided nobody has changed it since."""
        ref = volume.spec.claim_ref
        if ref is not None and ref.uid and is_for(volume, claim):
            return
        metadata: Manifest = {"resourceVersion": volume.metadata.resource_version}
        if not is_for(volume, claim):
            metadata["annotations"] = {BOUND_BY_CONTROLLER: "yes"}
        changes = {"metadata": metadata, "spec": {"claimRef": claim_ref(claim)}}
        await self._client.patch(VOLUMES, volume.key, changes, PatchType.MERGE, field_manager=self._name)

    async def _ask_for(self, claim: PersistentVolumeClaim, node: str) -> None:
        """Tell who makes volumes for which node."""
        metadata = {"uid": claim.metadata.uid, "annotations": {SELECTED_NODE: node}}
        await self._client.patch(CLAIMS, claim.key, {"metadata": metadata}, PatchType.MERGE, field_manager=self._name)

    def _is_served(self, pod: Pod, node: str) -> bool:
        """Tell whether all claims have their volumes; raises OpError once one is promised to another node."""
        if self._storage.is_promised_elsewhere(pod, node):
            raise OpError(_OP, ErrorKind.CONFLICT, f"Pod/{pod.key}", "a claim was promised to another node")
        return self._storage.is_served(pod)
