"""Carries out Plans: the one place where a decision becomes writes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.api.plan import Announce, Apply, Delete, Plan, Scale, SetFinalizers
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.events import EventRecorder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Executor:
    """Executes plans about objects of one kind, as one field manager."""

    client: Client
    recorder: EventRecorder
    resource: Resource[Any]
    field_manager: str

    async def execute(self, plan: Plan, about: KubeObject) -> None:
        """Do the plan's actions in order; the first that fails raises its OpError and ends it.

        What was done stays done: every action may be repeated, so the next reconcile goes on from there.
        """
        if plan.actions:
            _log.info("%s: %s", self.resource.target(about.key), plan)
        for action in plan.actions:
            match action:
                case Apply():
                    await self._apply(action)
                case SetFinalizers(resource, key, version, finalizers):
                    metadata = {"finalizers": list(finalizers), "resourceVersion": version}
                    await self.client.patch(
                        resource, key, {"metadata": metadata}, PatchType.MERGE, field_manager=self.field_manager
                    )
                case Delete(resource, key, uid):
                    await self._delete(resource, key, uid)
                case Scale():
                    await self._scale(action)
                case Announce(kind, reason, message):
                    self.recorder.record(about, self.resource, kind, reason, message)

    async def _apply(self, action: Apply) -> None:
        try:
            await self.client.apply(
                action.resource, action.manifest, field_manager=self.field_manager, subresource=action.subresource
            )
        except OpError as error:
            if error.kind is not ErrorKind.INVALID or not action.or_replace:
                raise
            target = action.resource.target(action.key)
            _log.warning("%s: replaced, because it could not be repaired: %s", target, error)
            await self._delete(action.resource, action.key, action.or_replace)

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

    async def _delete(self, resource: Resource[Any], key: ObjectKey, uid: str) -> None:
        try:
            await self.client.delete(resource, key, uid=uid, propagation="Background")
        except OpError as error:
            # Gone already, or replaced by a namesake that is not ours to delete: both are what we wanted.
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                raise
