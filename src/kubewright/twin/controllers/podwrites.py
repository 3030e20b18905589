"""Creating and deleting the pods of one owner: each is expected before, and told of after.

Beside it what all makers of pods share: the pod's manifest from a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kubewright.api.core import PODS
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.api.owners import owner_reference
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.twin.controllers.expectations import Expectations
from kubewright.twin.controllers.writes import Announce, Create, Remove, Writer

O = TypeVar("O", bound=KubeObject)  # noqa: E741  the owner
_COPIED = frozenset({"labels", "annotations", "finalizers"})


def pod_manifest(owner: O, kind: Resource[O], template: Mapping[str, Any]) -> Manifest:
    """Return a pod of the template, named after its owner and owned by it; its parts are the template's own."""
    metadata = {name: value for name, value in template.get("metadata", {}).items() if name in _COPIED}
    return {
        "apiVersion": PODS.api_version,
        "kind": PODS.kind,
        "metadata": {
            **metadata,
            "generateName": f"{owner.metadata.name}-",
            "namespace": owner.metadata.namespace,
            "ownerReferences": [owner_reference(owner, kind)],
        },
        "spec": template.get("spec", {}),
    }


@dataclass(frozen=True, slots=True)
class PodWriter(Generic[O]):
    """Writes pods for owners of one kind."""

    resource: Resource[O]
    writer: Writer
    clock: Clock
    expected: Expectations[ObjectKey]

    async def do(self, owner: O, write: Create | Remove) -> None:
        """Create or delete one pod; raises OpError, after saying so in an Event."""
        if isinstance(write, Create):
            await self._create(owner, write)
        else:
            await self._delete(owner, write)

    async def _create(self, owner: O, write: Create) -> None:
        key = owner.key
        self.expected.expect_created(key, self.clock.now())
        try:
            pod = await self.writer.do_one(write)
        except OpError as error:
            self.expected.saw_created(key)
            await self._announce(owner, "Warning", "FailedCreate", f"Error creating: {error.detail}")
            raise
        name = pod.metadata.name if pod else ""
        await self._announce(owner, "Normal", "SuccessfulCreate", f"Created pod: {name}")

    async def _delete(self, owner: O, write: Remove) -> None:
        key = owner.key
        self.expected.expect_deleted(key, write.uid, self.clock.now())
        try:
            await self.writer.do_one(write)
        except OpError as error:
            self.expected.saw_deleted(key, write.uid)
            await self._announce(owner, "Warning", "FailedDelete", f"Error deleting: {error.detail}")
            raise
        await self._announce(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {write.key.name}")

    async def _announce(self, owner: O, type_: str, reason: str, message: str) -> None:
        await self.writer.do_one(Announce(self.resource, owner, type_, reason, message))
