"""Installing, upgrading and going back: one and the same, the cluster is made as this release wants it.

Everything is asked of the server by dry runs before the first write. Then the record says that it is under way, and
the objects follow in an order in which each finds what it needs; what is cut off is gone on with by the next call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.meta import Manifest, ObjectKey, manifest_key
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.install import guards, record
from kubewright.install.changes import asked
from kubewright.install.kinds import DEFINITIONS, INSTALLER, RECORDS, SPACES, is_own, marked
from kubewright.install.manifests import manifests
from kubewright.install.record import INSTALLED, INSTALLING, Record
from kubewright.install.settings import Settings
from kubewright.install.storage import migrate
from kubewright.runtime.applying import ObjectChange
from kubewright.runtime.children import delete_if_there, get_or_none
from kubewright.runtime.definitions import established

_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Installation:
    """What is to be done about one cluster, and what it takes."""

    settings: Settings
    changes: Sequence[ObjectChange]
    record: Record | None
    """What was there before."""


async def plan(
    client: Client, settings: Settings, *, downgrade: bool = False, wanted: Sequence[Manifest] | None = None
) -> Installation:
    """Return what installing would change; nothing is written. Raises OpError for whatever speaks against it.

    `wanted` are the objects of another release than this program's.
    """
    settings.check()
    guards.check_server(await client.raw("GET", "/version"))
    space = await get_or_none(client, SPACES, ObjectKey("", settings.namespace))
    if space is not None and space.metadata.deletion_timestamp is not None:
        detail = "the namespace is being deleted: wait until it is gone"
        raise OpError("install", ErrorKind.CONFLICT, settings.namespace, detail)
    before = await record.read(client, settings.namespace) if space is not None else None
    guards.check_release(before, settings.version, downgrade=downgrade)
    objects = [
        marked(each, settings.namespace)
        for each in (manifests(settings) if wanted is None else wanted)
        # A namespace that somebody else made stays as he made it.
        if each["kind"] != SPACES.kind or space is None or is_own(space, settings.namespace)
    ]
    changes = await asked(client, settings.namespace, objects, there=space is not None)
    return Installation(settings, changes, before)


async def carry_out(client: Client, installation: Installation) -> None:
    """Write the changes; raises OpError, and whatever was not written then is by the next call."""
    settings, was = installation.settings, installation.record
    before = "" if was is None else was.before if was.settings.version == settings.version else was.settings.version
    under_way = Record(settings, INSTALLING, before)
    changes = [each for each in installation.changes if not each.none]
    if not changes and was is not None and was == replace(under_way, phase=INSTALLED):
        return
    try:
        await _write(client, [each for each in changes if each.resource is SPACES])
        await client.apply(RECORDS, under_way.manifest(), field_manager=INSTALLER)
        definitions = [each for each in installation.changes if each.resource is DEFINITIONS]
        await _write(client, [each for each in definitions if not each.none])
        for each in definitions:
            if each.after is not None:
                await established(client, each.after.key)
                await migrate(client, each.after.key)
        await _write(client, [each for each in changes if each.resource not in {SPACES, DEFINITIONS}])
        await client.apply(RECORDS, replace(under_way, phase=INSTALLED).manifest(), field_manager=INSTALLER)
    except OpError as error:
        detail = f"{error.detail}; what was written stays, and `kubewright install` goes on from there"
        raise OpError(error.op, error.kind, error.target, detail) from error


async def _write(client: Client, changes: Sequence[ObjectChange]) -> None:
    for each in changes:
        if each.manifest is not None:
            await client.apply(each.resource, each.manifest, field_manager=INSTALLER)
        elif each.before is not None:
            await delete_if_there(client, each.resource, each.before, propagation="Background")


async def available(client: Client, settings: Settings, seconds: float) -> list[str]:
    """Wait until every Deployment has as many pods ready as it wants; return those that have not in time."""
    names = [manifest_key(each) for each in manifests(settings) if each["kind"] == DEPLOYMENTS.kind]
    waiting = names
    try:
        async with asyncio.timeout(seconds):
            while waiting:
                waiting = [name for name in waiting if not await _is_up(client, name)]
                await asyncio.sleep(_POLL_SECONDS if waiting else 0)
    except TimeoutError:
        return [name.name for name in waiting]
    return []


async def _is_up(client: Client, name: ObjectKey) -> bool:
    live = await client.get(DEPLOYMENTS, name)
    status, wanted = live.status, live.spec.replicas
    fresh = status.observed_generation >= live.metadata.generation
    return fresh and min(status.updated_replicas, status.available_replicas) >= wanted
