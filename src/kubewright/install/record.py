"""What a cluster remembers of its installation: a ConfigMap beside the services, written before and after the rest.

An installation that was cut off is known by its phase, a newer one by its version; what was chosen is chosen again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.install.kinds import RECORDS, marked
from kubewright.install.settings import Settings
from kubewright.runtime.children import get_or_none

NAME = "kubewright-release"
INSTALLING, INSTALLED, REMOVING = "Installing", "Installed", "Removing"


@dataclass(frozen=True, slots=True)
class Record:
    """What is, or was to be, installed."""

    settings: Settings
    phase: str
    before: str = ""
    """The release before this one; empty for a first."""

    def manifest(self) -> Manifest:
        """Return the ConfigMap."""
        chosen = msgspec.to_builtins(self.settings)
        data = {"phase": self.phase, "version": self.settings.version, "before": self.before}
        return marked(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": NAME, "namespace": self.settings.namespace},
                "data": data | {"settings": msgspec.json.encode(chosen, order="sorted").decode()},
            },
            self.settings.namespace,
        )


def key(namespace: str) -> ObjectKey:
    """Return where the record is."""
    return ObjectKey(namespace, NAME)


async def read(client: Client, namespace: str) -> Record | None:
    """Return the record, None where nothing was installed; raises OpError."""
    live = await get_or_none(client, RECORDS, key(namespace))
    return None if live is None else understood(live)


def understood(live: LiveObject) -> Record:
    """Read a record, also one of another release, which may have settings of its own; raises OpError INVALID."""
    try:
        chosen: dict[str, Any] = msgspec.json.decode(live.data.get("settings", "{}"), type=dict[str, Any])
        settings = msgspec.convert(chosen | {"version": live.data.get("version", "")}, Settings)
    except msgspec.MsgspecError as error:
        detail = f"the record of the installation is not readable ({error}); delete it, and install again"
        raise OpError("install", ErrorKind.INVALID, RECORDS.target(live.key), detail) from error
    return Record(settings, live.data.get("phase", ""), live.data.get("before", ""))
