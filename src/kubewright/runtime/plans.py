"""Carries out Plans: the one place where a decision becomes writes.

What the server answers to a write goes into the caches at once, so that the next decision is never made from what was
there before our own writes: nothing is written twice, and a watch that lags does no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.applyset import identity
from kubewright.api.core import POD_SUBRESOURCES
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.api.plan import (
    Announce,
    Apply,
    Delete,
    Evict,
    Patch,
    Plan,
    Rescale,
    Resize,
    Scale,
    SetFinalizers,
    Write,
)
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.children import Taken
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.informer import Informer

_NEVER = "1"
"""A version that no object has: it is that of the empty store. Who applies under it creates or is refused."""

_ATTEMPTS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Executor:
    """Executes plans about objects of one kind, as one field manager."""

    client: Client
    recorder: EventRecorder
    resource: Resource[Any]
    field_manager: str
    caches: Callable[[Resource[Any]], Iterable[Informer[Any]]] = lambda _: ()
    """Which caches there are of a kind."""
    taken: Taken = field(default_factory=Taken)

    async def execute(self, plan: Plan, about: KubeObject) -> None:
        """Do the plan's actions in order; the first that fails raises its OpError and ends it.

        What was done stays done: every action may be repeated, so the next reconcile goes on from there.
        """
        if plan.actions:
            _log.info("%s: %s", self.resource.target(about.key), plan)
        for action in plan.actions:
            if isinstance(action, Announce):
                self.recorder.record(about, self.resource, action.type, action.reason, action.message)
            else:
                await self._write(action)

    async def _write(self, action: Write) -> None:
        match action:
            case Apply():
                await self._apply(action)
            case SetFinalizers(resource, key, version, finalizers):
                metadata = {"finalizers": list(finalizers), "resourceVersion": version}
                self._note(
                    resource,
                    await self.client.patch(
                        resource, key, {"metadata": metadata}, PatchType.MERGE, field_manager=self.field_manager
                    ),
                )
            case Delete(resource, key, uid):
                await self._delete(resource, key, uid)
            case Scale():
                await self._scale(action)
            case Rescale():
                await self._rescale(action)
            case Resize():
                await self._resize(action)
            case Patch():
                await self._patch(action)
            case Evict(_, key, uid):
                await self._evict(key, uid)

    async def _apply(self, action: Apply) -> None:
        manifest = _never_over(action.manifest) if action.only_new else action.manifest
        try:
            written = await self.client.apply(
                action.resource, manifest, field_manager=self.field_manager, subresource=action.subresource
            )
        except OpError as error:
            if error.kind is ErrorKind.CONFLICT and action.only_new:
                self.taken.add(identity(action.manifest))
            if error.kind is not ErrorKind.INVALID or not action.or_replace:
                raise
            target = action.resource.target(action.key)
            _log.warning("%s: replaced, because it could not be repaired: %s", target, error)
            await self._delete(action.resource, action.key, action.or_replace)
        else:
            self._note(action.resource, written)

    def _note(self, resource: Resource[Any], written: KubeObject) -> None:
        for informer in self.caches(resource):
            informer.wrote(written)

    async def _evict(self, key: ObjectKey, uid: str) -> None:
        """Ask for an eviction; a budget that does not allow it now may at the next decision."""
        try:
            await evict(self.client, key, uid, field_manager=self.field_manager)
        except OpError as error:
            # EXHAUSTED is a budget's answer. Whoever is gone, or was replaced by a namesake, need not go.
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.EXHAUSTED}:
                raise
            _log.info("%s is not evicted: %s", key, error)

    async def _resize(self, action: Resize) -> None:
        resources = {"requests": dict(action.requests), "limits": dict(action.limits)}
        container = {"name": action.container, "resources": {each: said for each, said in resources.items() if said}}
        changes: Manifest = {"metadata": {"uid": action.uid}, "spec": {"containers": [container]}}
        self._note(
            action.resource,
            await self.client.patch(
                action.resource,
                action.key,
                changes,
                PatchType.STRATEGIC,
                subresource="resize",
                field_manager=self.field_manager,
            ),
        )

    async def _patch(self, action: Patch) -> None:
        same: Manifest = {"op": "test", "path": "/metadata/uid", "value": action.uid}
        operations = [same, *map(dict, action.operations)]
        self._note(
            action.resource,
            await self.client.patch(
                action.resource, action.key, operations, PatchType.JSON, field_manager=self.field_manager
            ),
        )

    async def _scale(self, action: Scale) -> None:
        """Say the number as a field manager of its own, which yields to whoever else has chosen one."""
        metadata = {"namespace": action.key.namespace, "name": action.key.name}
        manifest = {"metadata": metadata, "spec": {"replicas": action.replicas}}
        try:
            await self.client.apply(
                action.resource, manifest, field_manager=f"{self.field_manager}-replicas", force=False
            )
        except OpError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
            _log.info("%s: somebody else chooses its replicas", action.resource.target(action.key))

    async def _rescale(self, action: Rescale) -> None:
        """Write the number onto what the target is by now, unless somebody has chosen another meanwhile."""
        target = action.resource.target(action.key)
        for left in reversed(range(_ATTEMPTS)):
            scale = await self.client.get(action.resource, action.key, subresource="scale")
            if scale.spec.replicas != action.before:
                said = f"somebody has set {scale.spec.replicas} replicas meanwhile"
                raise OpError("rescale", ErrorKind.CONFLICT, target, said)
            version = {"resourceVersion": scale.metadata.resource_version}
            changes = {"metadata": version, "spec": {"replicas": action.replicas}}
            try:
                await self.client.patch(
                    action.resource,
                    action.key,
                    changes,
                    PatchType.MERGE,
                    subresource="scale",
                    field_manager=self.field_manager,
                )
            except OpError as error:
                if error.kind is not ErrorKind.CONFLICT or not left:
                    raise
            else:
                return

    async def _delete(self, resource: Resource[Any], key: ObjectKey, uid: str) -> None:
        try:
            await self.client.delete(resource, key, uid=uid, propagation="Background")
        except OpError as error:
            # Gone already, or replaced by a namesake that is not ours to delete: both are what we wanted.
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                raise


def is_of_status(error: OpError, resource: Resource[Any], obj: KubeObject) -> bool:
    """Whether what failed is the write of the object's own status: there is no telling it there."""
    return error.target == f"{resource.target(obj.key)}/status"


async def evict(client: Client, key: ObjectKey, uid: str = "", *, field_manager: str = "") -> None:
    """Ask for a pod's eviction, for that of the pod with this uid alone if one is given.

    Raises OpError: EXHAUSTED is a budget's answer, and CONFLICT that of a namesake.
    """
    metadata = {"name": key.name, "namespace": key.namespace}
    eviction: Manifest = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    if uid:
        eviction["deleteOptions"] = {"preconditions": {"uid": uid}}
    await client.create(
        POD_SUBRESOURCES,
        eviction,
        namespace=key.namespace,
        name=key.name,
        subresource="eviction",
        field_manager=field_manager,
    )


def _never_over(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": _NEVER}}
