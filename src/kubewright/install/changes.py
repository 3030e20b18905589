"""What an installation would change, asked of the server by dry runs: known before anything is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from kubewright.api.applyset import identity
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, Resource
from kubewright.client.protocol import Client
from kubewright.client.reviews import may
from kubewright.errors import ErrorKind, OpError
from kubewright.install import guards
from kubewright.install.kinds import DEFINITIONS, INSTALLER, KINDS, PRUNED, own_selector
from kubewright.runtime.applying import ObjectChange, applied
from kubewright.runtime.children import get_or_none


async def asked(client: Client, namespace: str, wanted: Sequence[Manifest], *, there: bool) -> list[ObjectChange]:
    """Return what the objects would become, unchanged ones included, then what would be pruned; nothing is written.

    Without its namespace (`there`) no server checks what is to be in it: there only the right to make it is asked for.
    Raises OpError for what the server would refuse, and for what is somebody else's.
    """
    changes = [await _one(client, namespace, each, there=there) for each in wanted]
    if not there:
        for kind in dict.fromkeys(each.resource for each in changes if each.resource.namespaced):
            await _allowed(client, kind, namespace)
    names = {identity(each) for each in wanted}
    async for kind, live in installed(client, namespace):
        if (kind.api_version, kind.kind, live.key) not in names:
            changes.append(ObjectChange(kind, live, None))
    return changes


async def installed(client: Client, namespace: str) -> AsyncIterator[tuple[Resource[LiveObject], LiveObject]]:
    """Yield what an installation put into the cluster, but for definitions, its namespace and its record."""
    for kind in PRUNED:
        place = namespace if kind.namespaced else ""
        for live in (await client.list(kind, namespace=place, label_selector=own_selector(namespace))).items:
            yield kind, live


async def _one(client: Client, namespace: str, manifest: Manifest, *, there: bool) -> ObjectChange:
    api_version, name, key = identity(manifest)
    kind = KINDS[api_version, name]
    before = await get_or_none(client, kind, key)
    if before is not None:
        guards.check_holders([(kind, before)], namespace, INSTALLER)
        if kind is DEFINITIONS:
            guards.check_stored(before, manifest)
    placed = there or not kind.namespaced
    return await applied(client, kind, before, manifest, field_manager=INSTALLER, placed=placed, dry_run=True)


async def _allowed(client: Client, kind: Resource[LiveObject], namespace: str) -> None:
    asked_for = {"namespace": namespace, "group": kind.group, "resource": kind.plural}
    for verb in ("create", "patch"):
        if not await may(client, {"resourceAttributes": {**asked_for, "verb": verb}}):
            detail = f"you may not {verb} {kind.plural} in {namespace}; nothing was written"
            raise OpError("install", ErrorKind.FORBIDDEN, kind.kind, detail)
