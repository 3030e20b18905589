"""Objects follow the version that their definition stores: each is written once more, then the old one is let go.

A release that brings a new version of a kind serves it beside the old one; the release after stores it. So one step
back is always possible, and the API server converts in between. What an object says is not changed here.
"""

from __future__ import annotations

from kubewright.api.apiextensions import CRDS
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey, Resource
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.install.kinds import INSTALLER


async def migrate(client: Client, definition: ObjectKey) -> int:
    """Have every object of a kind stored in the version that its definition stores; return how many were written.

    Nothing is done where nothing is stored otherwise. It can be cut off and begun again: the old version stays among
    the `storedVersions` until all have been written. Raises OpError.
    """
    live = await client.get(CRDS, definition)
    (stored,) = (each.name for each in live.spec.versions if each.storage)
    if set(live.status.stored_versions or ()) <= {stored}:
        return 0
    spec = live.spec
    kind = Resource(
        spec.group, stored, spec.names.plural, spec.names.kind, LiveObject, namespaced=spec.scope == "Namespaced"
    )
    objects = (await client.list(kind)).items
    for each in objects:
        try:
            # A patch of nothing is written where the stored form is another.
            await client.patch(kind, each.key, {}, field_manager=INSTALLER)
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
    patch = {"metadata": {"resourceVersion": live.metadata.resource_version}, "status": {"storedVersions": [stored]}}
    await client.patch(CRDS, definition, patch, subresource="status", field_manager=INSTALLER)
    return len(objects)
