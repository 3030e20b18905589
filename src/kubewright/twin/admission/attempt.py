"""A write on its way to the store, as an admission plugin sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin import status
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict
from kubewright.twin.registry import Registry, Target


class Attempt(msgspec.Struct):
    """What is written, in place of what, and where a plugin may look things up."""

    registry: Registry
    target: Target
    obj: Manifest
    old: Manifest | None

    @property
    def kind(self) -> KindInfo:
        """Return the kind of what is written."""
        return self.target.kind

    @property
    def spec(self) -> dict[str, Any]:
        """Return the object's spec."""
        return as_dict(self.obj.get("spec"))

    def refused(self, cause: str, *, reason: str = "") -> status.StatusError:
        """Return the 403 that says why this object may not be; some plugins give a reason for programs, too."""
        metadata = self.obj["metadata"]
        causes = [{"reason": reason}] if reason else []
        return status.forbidden(
            self.kind, metadata.get("name") or metadata.get("generateName", ""), cause, causes=causes
        )


Step = Callable[[Attempt], None]
"""Completes the object in place, or checks it; raises StatusError to refuse it."""
