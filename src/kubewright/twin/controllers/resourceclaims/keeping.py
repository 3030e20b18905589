"""Takes consumers off claims that are gone or done, frees the devices of claims without any, and lets claims go.

The other half of the resource claim controller (`syncClaim`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.api.core import PODS
from kubewright.api.meta import Manifest, ObjectKey, as_seen, controller_of
from kubewright.api.pods import Pod
from kubewright.api.resourceclaims import FINALIZER, RESOURCE_CLAIMS, Consumer, ResourceClaim, left_to
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.claims import claim_name
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.controllers.context import Context

NAME = "resourceclaim-keeper"
_MANAGER = "kube-controller-manager"


@dataclass(frozen=True, slots=True)
class ClaimKeeper:
    """One claim's turn."""

    client: Client
    claims: Informer[ResourceClaim]
    pods: Informer[Pod]

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring a claim to what its consumers need; one that changed meanwhile comes again."""
        claim = self.claims.index.get(key)
        if claim is None:
            return Done()
        try:
            await self._keep(claim)
        except OpError as error:
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                raise
        return Done()

    async def _keep(self, claim: ResourceClaim) -> None:
        reserved = claim.status.reserved_for
        remaining = [each for each in reserved if await self._is_there(each, claim)]
        is_leaving = claim.metadata.deletion_timestamp is not None and FINALIZER in claim.metadata.finalizers
        if len(remaining) < len(reserved) or (is_leaving and not remaining and claim.status.allocation is not None):
            claim = await self._patch(claim, {"status": left_to(remaining)}, "status")
            is_leaving = not remaining
        if is_leaving and not remaining and claim.status.allocation is None and FINALIZER in claim.metadata.finalizers:
            finalizers = [each for each in claim.metadata.finalizers if each != FINALIZER]
            claim = await self._patch(claim, {"metadata": {"finalizers": finalizers or None}})
        if not remaining and claim.metadata.deletion_timestamp is None and self._is_left_over(claim):
            await self.client.delete(RESOURCE_CLAIMS, claim)

    async def _is_there(self, consumer: Consumer, claim: ResourceClaim) -> bool:
        """Tell whether a consumer may still use the claim; of what is no pod, nobody knows."""
        if consumer.api_group or consumer.resource != PODS.plural:
            return True
        key = ObjectKey(claim.metadata.namespace, consumer.name)
        pod = self.pods.index.get(key)
        if pod is None:
            try:
                pod = await self.client.get(PODS, key)
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
                return False
        return pod.metadata.uid == consumer.uid and not _is_done(pod)

    def _is_left_over(self, claim: ResourceClaim) -> bool:
        """Tell whether a claim was made for a pod that is not going to need it."""
        owner = controller_of(claim)
        if owner is None or owner.kind != PODS.kind:
            return False
        pod = self.pods.index.get(ObjectKey(claim.metadata.namespace, owner.name))
        return pod is not None and (pod.metadata.uid != owner.uid or _is_done(pod))

    async def _patch(self, claim: ResourceClaim, changes: Manifest, subresource: str = "") -> ResourceClaim:
        patch = as_seen(claim, changes)
        return await self.client.patch(
            RESOURCE_CLAIMS, claim.key, patch, PatchType.MERGE, subresource=subresource, field_manager=_MANAGER
        )


def _is_done(pod: Pod) -> bool:
    return pod.is_finished or (pod.is_terminating and not pod.spec.node_name)


def _claims_of(pod: Pod) -> Iterable[ObjectKey]:
    for wanted in pod.spec.resource_claims:
        name, _ = claim_name(pod, wanted)
        if name:
            yield ObjectKey(pod.metadata.namespace, name)


def add_to(context: Context) -> None:
    """Wire the controller."""
    caches = context.caches
    claims, pods = caches.resource_claims, caches.pods
    queue: WorkQueue[ObjectKey] = context.queue(NAME, ObjectKey)

    def on_pod(change: Change[Pod]) -> None:
        pod = change.new or change.old
        if pod is not None and pod.spec.resource_claims and (change.new is None or _is_done(pod)):
            for key in _claims_of(pod):
                queue.add(key)

    watch_own(claims, queue)
    pods.add_handler(on_pod)
    context.controller(NAME, ClaimKeeper(context.client, claims, pods), queue, (claims, pods))
