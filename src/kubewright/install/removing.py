"""Taking the platform out of a cluster: what it made of people's objects goes on running.

First what runs goes, and is waited for. Only then the finalizers that nobody would take off any more: after that each
object can be deleted as any other, and its children with it. Definitions and objects stay unless a purge is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from kubewright.api.apiextensions import defined
from kubewright.api.coordination import LEASES
from kubewright.api.core import PODS
from kubewright.api.crds import all_crds
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, ObjectKey, Resource
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.install import record
from kubewright.install.changes import installed
from kubewright.install.kinds import DEFINITIONS, INSTALLER, MANAGED_BY, PLACE, RECORDS, RUNNING, SPACES, is_own
from kubewright.install.record import REMOVING
from kubewright.runtime.applying import ObjectChange
from kubewright.runtime.children import delete_if_there, get_or_none, list_if_served

OURS = "kubewright.dev/"
_POLL_SECONDS = 0.5
_PODS = "app.kubernetes.io/name=kubewright,app.kubernetes.io/part-of=kubewright"


async def found(client: Client, namespace: str, *, purge: bool) -> list[ObjectChange]:
    """Return what would go, in its order.

    Raises OpError, also where nothing is here and the platform is somewhere else, or somebody else's to remove.
    """
    changes = [ObjectChange(kind, live, None) async for kind, live in installed(client, namespace)]
    if live := await get_or_none(client, RECORDS, record.key(namespace)):
        changes.append(ObjectChange(RECORDS, live, None))
    if not changes:
        await _check_others(client, namespace)
    if purge:
        there = [await get_or_none(client, DEFINITIONS, _name(each)) for each in all_crds()]
        changes += [ObjectChange(DEFINITIONS, live, None) for live in there if live is not None]
        space = await get_or_none(client, SPACES, ObjectKey("", namespace))
        if space is not None and is_own(space, namespace):
            changes.append(ObjectChange(SPACES, space, None))
    return changes


async def held(client: Client) -> int:
    """Return how many objects the platform has finalizers on; raises OpError."""
    return len([each async for _, each in _held(client)])


async def remove(client: Client, namespace: str, changes: list[ObjectChange], seconds: float) -> int:
    """Do it; return how many objects were let go. Raises OpError; the next call goes on."""
    was = await record.read(client, namespace)
    if was is not None:
        await client.apply(RECORDS, replace(was, phase=REMOVING).manifest(), field_manager=INSTALLER)
    await _delete(client, [each for each in changes if each.resource is RUNNING])
    await _ended(client, namespace, seconds)
    free = 0
    async for kind, held in _held(client):
        free += await _let_go(client, kind, held)
    for lease in (await client.list(LEASES, namespace=namespace)).items:
        if lease.metadata.name.startswith("kubewright-"):
            await delete_if_there(client, LEASES, lease.key, propagation="Background")
    await _delete(client, [each for each in changes if each.resource is not RUNNING])
    return free


def _name(definition: Manifest) -> ObjectKey:
    return ObjectKey("", definition["metadata"]["name"])


async def _check_others(client: Client, namespace: str) -> None:
    """Raise OpError CONFLICT for services that this installation does not keep: they would hold objects again."""
    for live in (await client.list(RUNNING, label_selector=_PODS)).items:
        labels = live.metadata.labels
        if labels.get(MANAGED_BY) == INSTALLER:
            told = f"the platform is installed in {labels.get(PLACE, '')}, not in {namespace}: use -n"
        else:
            holder = labels.get(MANAGED_BY, "kubectl, or somebody else,")
            told = f"{holder} keeps it: remove it there first, and uninstall then, which takes finalizers off"
        raise OpError("uninstall", ErrorKind.CONFLICT, RUNNING.target(live.key), told)


async def _ended(client: Client, namespace: str, seconds: float) -> None:
    """Wait until no service runs: what still runs would hold its objects again."""
    try:
        async with asyncio.timeout(seconds):
            while (await client.list(PODS, namespace=namespace, label_selector=_PODS)).items:  # noqa: ASYNC110  to end
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        detail = f"pods still end after {seconds:g} s: look at their nodes, and uninstall again"
        raise OpError("uninstall", ErrorKind.TIMEOUT, f"Pod/{namespace}", detail) from error


async def _held(client: Client) -> AsyncIterator[tuple[Resource[LiveObject], LiveObject]]:
    for definition in all_crds():
        kind = defined(definition["spec"], LiveObject)
        for each in await list_if_served(client, kind):
            if any(name.startswith(OURS) for name in each.metadata.finalizers):
                yield kind, each


async def _let_go(client: Client, kind: Resource[LiveObject], held: LiveObject) -> bool:
    others = [name for name in held.metadata.finalizers if not name.startswith(OURS)]
    version = held.metadata.resource_version
    patch = {"metadata": {"finalizers": others or None, "resourceVersion": version}}
    try:
        await client.patch(kind, held.key, patch, field_manager=INSTALLER)
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return False
    return True


async def _delete(client: Client, changes: list[ObjectChange]) -> None:
    for each in changes:
        if each.before is not None:
            await delete_if_there(client, each.resource, each.before.key, propagation="Background")
