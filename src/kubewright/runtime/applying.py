"""An object that is applied, beside what it was: for commands that install, and tell what they do, or would do.

`install.changes` and `monitoring.installing` call it; a controller's children are decided on by `api.applyset`.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from kubewright.api.applyset import is_as_desired
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, Resource
from kubewright.client.protocol import Client


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object as it was, and as it is, is to be, or would be."""

    resource: Resource[LiveObject]
    before: LiveObject | None
    """None for one that is not there."""
    after: LiveObject | None
    """None for one that is to go."""
    manifest: Manifest | None = None
    """What is applied; None where nothing is."""

    @property
    def none(self) -> bool:
        """Whether it is as it should be."""
        return self.before is self.after

    def told(self, *, dry_run: bool = False) -> str:
        """Say in one line what became, or would become, of the object."""
        name = self.resource.target((self.after or self.before or LiveObject()).key)
        if self.none:
            return f"{name} is as it should be"
        what = "removed" if self.after is None else "created" if self.before is None else "changed"
        return f"{name} {'would be' if dry_run else 'is'} {what}"


async def applied(
    client: Client,
    kind: Resource[LiveObject],
    before: LiveObject | None,
    manifest: Manifest,
    *,
    field_manager: str,
    placed: bool,
    dry_run: bool,
) -> ObjectChange:
    """Apply a manifest with a fingerprint, unless it is as it should be; return what became of it. Raises OpError.

    `placed` is whether its namespace is there: no server takes an object of one to come, so of that none is asked.
    """
    if before is not None and is_as_desired(before, manifest):
        return ObjectChange(kind, before, before)
    if placed:
        after = await client.apply(kind, manifest, field_manager=field_manager, dry_run=dry_run)
    else:
        after = msgspec.convert(manifest, LiveObject)
    return ObjectChange(kind, before, after, manifest)
