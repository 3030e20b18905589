"""The claims of ephemeral volumes: made for one pod, and gone with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, ObjectKey, controller_of
from kubewright.api.owners import owner_reference
from kubewright.api.volumes import CLAIMS, PersistentVolumeClaim
from kubewright.runtime.controller import Done, watch_mapped
from kubewright.runtime.informer import Informer
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Announce, Create, Write, Writer

NAME = "ephemeral_volume"


def decide(pod: Pod, claims: Mapping[str, PersistentVolumeClaim | None]) -> list[Write]:
    """Return the claims that a pod lacks; `claims` are by the name of the volume."""
    writes: list[Write] = []
    for volume in pod.spec.volumes:
        if volume.ephemeral is None or pod.is_terminating:
            continue
        name, claim = f"{pod.metadata.name}-{volume.name}", claims.get(volume.name)
        if claim is None:
            writes.append(
                Create(CLAIMS, _manifest(pod, name, volume.ephemeral.get("volumeClaimTemplate", {})), once=True)
            )
            continue
        owner = controller_of(claim)
        if owner is None or owner.uid != pod.metadata.uid:
            problem = f"PVC {claim.key} was not created for pod {pod.key} (pod is not owner)"
            text = f"ephemeral volume {volume.name}: {problem}"
            writes.append(Announce(PODS, pod, "Warning", "FailedBinding", text))
    return writes


def _manifest(pod: Pod, name: str, template: Manifest) -> Manifest:
    given: Manifest = template.get("metadata") or {}
    metadata = {key: given[key] for key in ("labels", "annotations") if given.get(key)}
    owners = [owner_reference(pod, PODS)]
    return {
        "apiVersion": CLAIMS.api_version,
        "kind": CLAIMS.kind,
        "metadata": {**metadata, "name": name, "namespace": pod.metadata.namespace, "ownerReferences": owners},
        "spec": template.get("spec", {}),
    }


@dataclass(frozen=True, slots=True)
class EphemeralReconciler:
    """One pod's turn."""

    caches: Caches
    claims: Informer[PersistentVolumeClaim]
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done:
        """Give a pod the claims of its ephemeral volumes."""
        pod = self.caches.pods.index.get(key)
        if pod is not None:
            found = {
                each.name: self.claims.index.get(ObjectKey(key.namespace, f"{key.name}-{each.name}"))
                for each in pod.spec.volumes
            }
            await self.writer.do(decide(pod, found))
        return Done()


def add_to(context: Context) -> None:
    """Wire the controller: pods with such volumes."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_mapped(caches.pods, queue, _with_ephemeral)
    claims = caches.claims
    reconciler = EphemeralReconciler(caches, claims, context.writer(NAME))
    context.controller(NAME, reconciler, queue, (caches.pods, claims))


def _with_ephemeral(pod: Pod) -> tuple[ObjectKey, ...]:
    return (pod.key,) if any(each.ephemeral is not None for each in pod.spec.volumes) else ()
