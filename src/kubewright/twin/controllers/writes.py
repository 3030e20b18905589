"""What the twin's controllers decide, as data, and the one place that carries it out.

Controllers of Kubernetes' own kinds create, patch and delete where kubewright's features use server-side apply
(`api.plan`): so do the real ones, and their users see the difference in managedFields.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from kubewright.api.core import POD_SUBRESOURCES, PODS
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.client.protocol import Client, PatchType, Propagation
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.events import EventRecorder


@dataclass(frozen=True, slots=True)
class Create:
    """Make a new object; with `once`, one of that name that is there already is as good."""

    resource: Resource[Any]
    manifest: Manifest
    once: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """Change fields of the very object with this uid; that it is gone is no failure."""

    resource: Resource[Any]
    key: ObjectKey
    uid: str
    changes: Mapping[str, Any]
    subresource: str = ""
    resource_version: str = ""
    """If given, only as long as nobody has changed the object since."""
    patch_type: PatchType = PatchType.MERGE


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the very object with this uid; that it is gone already is no failure."""

    resource: Resource[Any]
    key: ObjectKey
    uid: str
    propagation: Propagation | None = None
    grace_period_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Announce:
    """Record an Event about an object."""

    resource: Resource[Any]
    about: KubeObject | ObjectKey
    type: str
    reason: str
    message: str
    field_path: str = ""
    """The part of the object that it is about, as events name it: `spec.containers{main}`."""
    host: str = ""
    """The node that it happened on, if it is a kubelet's."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Put the very pod with this uid on a node."""

    key: ObjectKey
    uid: str
    node: str


Write: TypeAlias = Create | Patch | Remove | Announce | Bind
Writes: TypeAlias = tuple[Write, ...]


class Updates(Protocol):
    """A quicker way to update pods than a request for each; what it does not know it does by `request`."""

    async def patch_status(
        self,
        key: ObjectKey,
        changes: Manifest,
        patch_type: PatchType,
        manager: str,
        request: Callable[[], Awaitable[object]],
    ) -> None:
        """Patch a pod's status in the name of a field manager."""
        ...

    async def bind(self, key: ObjectKey, uid: str, node: str, request: Callable[[], Awaitable[object]]) -> None:
        """Put a pod on a node."""
        ...


@dataclass(frozen=True, slots=True)
class Writer:
    """Carries out writes in the name of one component."""

    client: Client
    recorder: EventRecorder
    field_manager: str
    updates: Updates | None = None

    async def do(self, writes: Iterable[Write]) -> Sequence[KubeObject | None]:
        """Do them in order and return what each made; the first that fails raises its OpError and ends it."""
        return [await self.do_one(write) for write in writes]

    async def do_one(self, write: Write) -> KubeObject | None:
        """Do one write and return the object that it made, if it made one."""
        match write:
            case Create():
                return await self._create(write)
            case Patch():
                await self._patch(write)
            case Bind():
                await self._bind(write)
            case Remove():
                await self._remove(write)
            case Announce():
                part, host = write.field_path, write.host
                self.recorder.record(
                    write.about, write.resource, write.type, write.reason, write.message, field_path=part, host=host
                )
        return None

    async def _create(self, write: Create) -> KubeObject | None:
        namespace = write.manifest["metadata"].get("namespace", "")
        try:
            return await self.client.create(
                write.resource, write.manifest, namespace=namespace, field_manager=self.field_manager
            )
        except OpError as error:
            if write.once and error.kind is ErrorKind.ALREADY_EXISTS:
                return None
            raise

    async def _patch(self, write: Patch) -> None:
        metadata = {"uid": write.uid} | ({"resourceVersion": write.resource_version} if write.resource_version else {})
        changes = {**write.changes, "metadata": {**write.changes.get("metadata", {}), **metadata}}

        async def request() -> None:
            await self.client.patch(
                write.resource,
                write.key,
                changes,
                write.patch_type,
                subresource=write.subresource,
                field_manager=self.field_manager,
            )

        of_status = write.resource is PODS and write.subresource == "status" and not write.resource_version
        try:
            if self.updates is not None and of_status:
                await self.updates.patch_status(write.key, changes, write.patch_type, self.field_manager, request)
            else:
                await request()
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    async def _bind(self, write: Bind) -> None:
        key = write.key

        async def request() -> None:
            binding = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": key.name, "namespace": key.namespace, "uid": write.uid},
                "target": {"apiVersion": "v1", "kind": "Node", "name": write.node},
            }
            await self.client.create(
                POD_SUBRESOURCES,
                binding,
                namespace=key.namespace,
                name=key.name,
                subresource="binding",
                field_manager=self.field_manager,
            )

        if self.updates is None:
            await request()
        else:
            await self.updates.bind(key, write.uid, write.node, request)

    async def _remove(self, write: Remove) -> None:
        try:
            await self.client.delete(
                write.resource,
                write.key,
                uid=write.uid,
                propagation=write.propagation,
                grace_period_seconds=write.grace_period_seconds,
            )
        except OpError as error:
            # Gone, or replaced by a namesake that was not meant: either way the object is no more.
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                raise
