"""Devices for a pod that has been given a node: written into its claims before it is bound, and taken back if not.

As kube-scheduler's DynamicResources plugin does: a claim is allocated and reserved for the pod in one write, provided
nobody has changed it since; then the pod waits for whoever has to prepare the devices first.
"""

from __future__ import annotations

from itertools import chain

from kubewright.api.conditions import is_true
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, ObjectKey, as_seen, rfc3339
from kubewright.api.resourceclaims import FINALIZER, RESOURCE_CLAIMS, AllocatedDevice, Consumer, ResourceClaim, left_to
from kubewright.client.protocol import Client, PatchType
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.claims import DeviceClaims
from kubewright.scheduler.patience import until

TRIES = 5
_OP = "schedule.devices"


class Devices:
    """Serves pods' claims to devices; `claims` is the view in which was decided."""

    def __init__(self, client: Client, claims: DeviceClaims, clock: Clock, name: str) -> None:
        self._client = client
        self._claims = claims
        self._clock = clock
        self._name = name

    async def serve(self, pod: Pod) -> None:
        """Write what was decided for a pod, and reserve its claims; raises OpError when that did not come about."""
        needs, decided = self._claims.needs(pod), self._claims.decided_for(pod)
        for claim in needs.waiting:
            decision = decided.get(claim.key)
            if decision is None:
                raise OpError(_OP, ErrorKind.CONFLICT, f"Pod/{pod.key}", f"claim {claim.key} has no devices any more")
            await self._reserve(pod, claim, decision.allocation)
            self._claims.mark_written(claim.key, is_written=True)
        for claim in needs.allocated:
            if not claim.is_reserved_for(pod.metadata.uid):
                await self._reserve(pod, claim, None)
        await self._until_prepared(pod)

    async def undo(self, pod: Pod) -> None:
        """Take back what was written for a pod that is not bound: its reservations, and what nobody else reserved."""
        if await self._is_bound(pod):
            return  # what was told to have failed has come about
        written = [key for key, each in self._claims.decided_for(pod).items() if each.is_written]
        for key in {*written, *(each.key for each in self._claims.needs(pod).allocated)}:
            await self._release(key, pod.metadata.uid)
        for key in written:
            self._claims.mark_written(key, is_written=False)
        self._claims.give_back(pod)

    async def _is_bound(self, pod: Pod) -> bool:
        try:
            found = await self._client.get(PODS, pod.key)
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return False
            raise
        return found.metadata.uid == pod.metadata.uid and bool(found.spec.node_name)

    async def free_stranded(self, pod: Pod) -> None:
        """Take devices away again from claims of a pod that fits nowhere, if nobody else has them."""
        for claim in self._claims.needs(pod).allocated:
            others = [each for each in claim.status.reserved_for if each.uid != pod.metadata.uid]
            allocation = claim.status.allocation
            if not others and allocation is not None and allocation.node_selector is not None:
                await self._release(claim.key, pod.metadata.uid)

    async def _reserve(self, pod: Pod, claim: ResourceClaim, allocation: Manifest | None) -> None:
        for _ in range(TRIES):
            _check(claim, pod, is_new=allocation is not None)
            try:
                if allocation is not None and FINALIZER not in claim.metadata.finalizers:
                    finalizers = [*claim.metadata.finalizers, FINALIZER]
                    claim = await self._patch(claim, {"metadata": {"finalizers": finalizers}})
                await self._patch(claim, {"status": self._reserved(pod, claim, allocation)}, "status")
            except OpError as error:
                if error.kind is not ErrorKind.CONFLICT:
                    raise
                claim = await self._client.get(RESOURCE_CLAIMS, claim.key)
            else:
                return
        raise OpError(_OP, ErrorKind.CONFLICT, f"ResourceClaim/{claim.key}", "others kept changing it")

    def _reserved(self, pod: Pod, claim: ResourceClaim, allocation: Manifest | None) -> Manifest:
        others = (each for each in claim.status.reserved_for if each.uid != pod.metadata.uid)
        status: Manifest = {"reservedFor": [each.document for each in (*others, Consumer.of(pod))]}
        if allocation is not None:
            status["allocation"] = {**allocation, "allocationTimestamp": rfc3339(self._clock.now())}
        return status

    async def _release(self, key: ObjectKey, uid: str) -> None:
        """Take a pod off a claim; without consumers it is not allocated any more either."""
        for _ in range(TRIES):
            try:
                claim = await self._client.get(RESOURCE_CLAIMS, key)
                others = [each for each in claim.status.reserved_for if each.uid != uid]
                if claim.status.allocation is None and len(others) == len(claim.status.reserved_for):
                    return
                await self._patch(claim, {"status": left_to(others)}, "status")
            except OpError as error:
                if error.kind is ErrorKind.NOT_FOUND:
                    return
                if error.kind is not ErrorKind.CONFLICT:
                    raise
            else:
                return

    async def _patch(self, claim: ResourceClaim, changes: Manifest, subresource: str = "") -> ResourceClaim:
        """Change a claim as it was read, and no other."""
        patch = as_seen(claim, changes)
        return await self._client.patch(
            RESOURCE_CLAIMS, claim.key, patch, PatchType.MERGE, subresource=subresource, field_manager=self._name
        )

    async def _until_prepared(self, pod: Pod) -> None:
        """Wait until the conditions hold on which devices are ready to be bound."""
        decided = (decision.results for decision in self._claims.decided_for(pod).values())
        allocated = (claim.given for claim in self._claims.needs(pod).allocated)
        if any(each.binding_conditions for each in chain.from_iterable((*decided, *allocated))):
            await until(lambda: self._is_prepared(pod), _OP, f"Pod/{pod.key}", "device binding timeout")

    def _is_prepared(self, pod: Pod) -> bool:
        needs = self._claims.needs(pod)
        if needs.waiting:
            return False  # the caches do not show the allocation yet
        return all(_is_ready(claim, each) for claim in needs.allocated for each in claim.given)


def _check(claim: ResourceClaim, pod: Pod, *, is_new: bool) -> None:
    """Raise OpError for a claim that is not what it was when it was decided upon."""
    why = ""
    if claim.metadata.deletion_timestamp is not None:
        why = "got deleted in the meantime"
    elif is_new and claim.status.allocation is not None:
        why = "got allocated elsewhere in the meantime"
    elif not is_new and claim.status.allocation is None:
        why = "got deallocated elsewhere in the meantime"
    if why:
        raise OpError(_OP, ErrorKind.CONFLICT, f"Pod/{pod.key}", f"claim {claim.key} {why}")


def _is_ready(claim: ResourceClaim, result: AllocatedDevice) -> bool:
    """Tell whether a device is ready to be bound; raises OpError once it never will be."""
    device = (result.driver, result.pool, result.device, result.share_id)
    told = next(
        (each for each in claim.status.devices if (each.driver, each.pool, each.device, each.share_id) == device), None
    )
    conditions = told.conditions if told is not None else ()
    failed = [each for each in result.binding_failure_conditions if is_true(conditions, each)]
    if failed:
        raise OpError(_OP, ErrorKind.UNAVAILABLE, f"ResourceClaim/{claim.key}", f"device binding failed: {failed[0]}")
    return all(is_true(conditions, each) for each in result.binding_conditions)
