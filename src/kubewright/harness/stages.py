"""What a user does to the operator's world: steps as data, from a prepared state."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.harness.snapshot import Place, Snapshot
from kubewright.twin.server import ApiServer

_GONE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object."""

    resource: Resource[PartialObject]
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Change:
    """Patch an object: a JSON merge patch, or JSON patch operations."""

    resource: Resource[PartialObject]
    key: ObjectKey
    patch: Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete an object; with `wait`, until it is gone."""

    resource: Resource[PartialObject]
    key: ObjectKey
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Let time pass."""

    seconds: float


Step = Create | Change | Remove | Pause


async def take_step(client: Client, step: Step) -> None:
    """Do one step as the user; raises the OpError that the server answers with."""
    match step:
        case Create(resource, manifest):
            namespace = manifest["metadata"].get("namespace", "")
            await client.create(resource, manifest, namespace=namespace, field_manager="user")
        case Change(resource, key, patch):
            if isinstance(patch, Mapping):
                await client.patch(resource, key, dict(patch), PatchType.MERGE, field_manager="user")
            else:
                await client.patch(resource, key, patch, PatchType.JSON, field_manager="user")
        case Remove(resource, key, wait):
            await client.delete(resource, key)
            if wait:
                await _gone(client, resource, key)
        case Pause(seconds):
            await asyncio.sleep(seconds)


async def _gone(client: Client, resource: Resource[PartialObject], key: ObjectKey) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + _GONE_SECONDS
    while loop.time() < until:
        try:
            await client.get(resource, key)
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return
            raise
        await asyncio.sleep(0.5)


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that a user does, from a state in which the operator was settled (or had nothing yet)."""

    name: str
    prepared: ApiServer
    steps: tuple[Step, ...]
    expected: Snapshot | None = None
    """The state that it must end in; None: that of the undisturbed life is taken for right."""
    foreign: frozenset[Place] = field(default_factory=frozenset[Place])
    """Objects of someone else that the operator must leave as they are."""
    faults: bool = True
    """Whether it is lived with faults, too; else undisturbed alone."""
    property: str = ""
    """The property that it changes, for the count of those covered."""
    marked: tuple[Place, ...] = ()
    """Objects that somebody else annotated, which must still bear that in the end."""
