"""Finalizers that nobody takes off: puts them on the objects that a fault means, and off when it ends.

The Fault itself bears a finalizer meanwhile, so that one that is deleted while nobody looks is still lifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from kubewright.api.meta import KubeObject, PartialObject, Resource, as_seen
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.faults.decide import State
from kubewright.twin.faults.fault import FAULTS, GROUP, FaultSpec
from kubewright.twin.faults.parameters import StuckFinalizer
from kubewright.twin.faults.selection import ObjectSelection

T = TypeVar("T", bound=KubeObject)

LIFT = f"{GROUP}/lift"
NAME = "kubewright-twin-faults"


@dataclass(frozen=True, slots=True)
class Held:
    """What one fault holds, or why it cannot."""

    names: tuple[str, ...] = ()
    problem: str = ""


async def keep_stuck(client: Client, states: Sequence[State]) -> dict[str, Held]:
    """Bring the objects to what the faults of this type want, and return by fault what became of it.

    Raises OpError for what may pass when tried again.
    """
    stuck = [state for state in states if state.fault.spec.type == "StuckFinalizer"]
    wanted = [state.fault.spec for state in stuck if state.window.phase == "InForce"]
    return {state.fault.metadata.name: await _keep(client, state, wanted) for state in stuck}


async def _keep(client: Client, state: State, wanted: Sequence[FaultSpec]) -> Held:
    fault = state.fault
    marks = fault.metadata.finalizers
    try:
        if state.window.phase == "InForce":
            if LIFT not in marks:
                await _finalizers(client, FAULTS, fault, [*marks, LIFT])
            return Held(await _put_on(client, fault.spec))
        if LIFT in marks:
            await _take_off(client, fault.spec, wanted)
            await _finalizers(client, FAULTS, fault, [each for each in marks if each != LIFT])
    except OpError as error:
        if error.retryable:
            raise
        return Held(problem=str(error))
    return Held()


async def _put_on(client: Client, spec: FaultSpec) -> tuple[str, ...]:
    names: list[str] = []
    name = _finalizer(spec)
    resource = _resource(spec)
    for obj in await _meant(client, spec, resource):
        names.append(str(obj.key))
        # An object that is on its way out takes no new finalizers.
        if name not in obj.metadata.finalizers and obj.metadata.deletion_timestamp is None:
            await _finalizers(client, resource, obj, [*obj.metadata.finalizers, name])
    return tuple(names)


async def _take_off(client: Client, spec: FaultSpec, others: Sequence[FaultSpec]) -> None:
    name = _finalizer(spec)
    resource = _resource(spec)
    try:
        objects = await _meant(client, spec, resource)
    except OpError as error:
        if error.retryable:
            raise
        return  # what cannot be listed was never held
    for obj in objects:
        if name in obj.metadata.finalizers and not any(_means(other, name, resource, obj) for other in others):
            await _finalizers(client, resource, obj, [each for each in obj.metadata.finalizers if each != name])


def _means(spec: FaultSpec, finalizer: str, resource: Resource[PartialObject], obj: PartialObject) -> bool:
    objects = spec.target.objects
    return (
        objects is not None
        and _finalizer(spec) == finalizer
        and (objects.api_version, objects.resource) == (resource.api_version, resource.plural)
        and objects.matches(obj)
    )


def _resource(spec: FaultSpec) -> Resource[PartialObject]:
    objects = spec.target.objects or ObjectSelection()
    group, _, version = objects.api_version.rpartition("/")
    return Resource(group, version, objects.resource, objects.resource, PartialObject)


async def _meant(client: Client, spec: FaultSpec, resource: Resource[PartialObject]) -> list[PartialObject]:
    objects = spec.target.objects or ObjectSelection()
    try:
        listing = await client.list(resource)
    except OpError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return []
        raise
    return [each for each in listing.items if objects.matches(each)]


async def _finalizers(client: Client, resource: Resource[T], obj: T, wanted: list[str]) -> None:
    """Set an object's finalizers, as long as nobody has changed it since; that it is gone is as good."""
    try:
        await client.patch(resource, obj.key, as_seen(obj, {"metadata": {"finalizers": wanted}}), field_manager=NAME)
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise


def _finalizer(spec: FaultSpec) -> str:
    return (spec.stuck_finalizer or StuckFinalizer()).finalizer
