"""Objects follow the version that their definition stores: each is written once more, then the old one is let go.

A release that brings a new version of a kind serves it beside the old one; the release after stores it. So one step
back is always possible, and the API server converts in between. What an object says is not changed here.
"""

from __future__ import annotations

from kubewright.api.apiextensions import defined
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.install.kinds import DEFINITIONS, INSTALLER


async def migrate(client: Client, definition: ObjectKey) -> int:
    """Have every object of a kind stored in the version that its definition stores; return how many were written.

    Nothing is done where nothing is stored otherwise. It can be cut off and begun again: the old version stays among
    the `storedVersions` until all have been written. Raises OpError.
    """
    live = await client.get(DEFINITIONS, definition)
    kind = defined(live.spec, LiveObject)
    if set(live.status.get("storedVersions") or ()) <= {kind.version}:
        return 0
    objects = (await client.list(kind)).items
    for each in objects:
        try:
            # A patch of nothing is written where the stored form is another.
            await client.patch(kind, each.key, {}, field_manager=INSTALLER)
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
    status = {"storedVersions": [kind.version]}
    patch = {"metadata": {"resourceVersion": live.metadata.resource_version}, "status": status}
    await client.patch(DEFINITIONS, definition, patch, subresource="status", field_manager=INSTALLER)
    return len(objects)
