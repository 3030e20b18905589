"""Machines that Metal3 runs: a BareMetalHost is switched off, and kept off, while an annotation of ours is on it.

`reboot.metal3.io/KEY` keeps a host without power until whoever chose the key takes it away; several may do so at once.
Which host a node runs on stands in its provider ID, as Cluster API's and OpenShift's providers write it. Hosts that the
cluster does not hold itself are not found, and nothing is done.
"""

from __future__ import annotations

import re

from kubewright.api.core import Node
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, ObjectKey, Resource
from kubewright.api.plan import Patch, as_seen
from kubewright.client.protocol import Client
from kubewright.healing.annotating import annotated, without_annotation
from kubewright.healing.machines import Machine
from kubewright.runtime.children import get_or_none

BARE_METAL_HOSTS: Resource[LiveObject] = Resource(
    "metal3.io", "v1alpha1", "baremetalhosts", "BareMetalHost", LiveObject
)
HELD_OFF = "reboot.metal3.io/kubewright-healing"
_AT_ONCE = '{"mode": "hard"}'
"""Nothing there is asked to end first: it may be the part that hangs."""
_PROVIDER_ID = re.compile(r"(?:metal3://|baremetalhost:///)([^/]+)/([^/]+)(?:/[^/]*)?")


def host_of(node: Node) -> ObjectKey | None:
    """Return which host a node runs on: `metal3://NAMESPACE/HOST/MACHINE` or `baremetalhost:///NAMESPACE/HOST/UID`."""
    found = _PROVIDER_ID.fullmatch(node.spec.provider_id)
    return ObjectKey(found[1], found[2]) if found is not None else None


class Metal3:
    """Asks the cluster that it runs in, which holds its own hosts."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def machine_of(self, node: Node) -> Machine | None:
        """Return a node's host; raises OpError."""
        key = host_of(node)
        host = None if key is None else await get_or_none(self._client, BARE_METAL_HOSTS, key)
        return None if host is None or host.metadata.deletion_timestamp else machine(host)


def machine(host: LiveObject) -> Machine:
    """Return a host as a machine; one whose controller reports an error is not known to be off."""
    kind = BARE_METAL_HOSTS

    def change(operation: Manifest, says: str) -> Patch:
        return Patch(kind, host.key, host.metadata.uid, (as_seen(host), operation), says)

    return Machine(
        kind.target(host.key),
        is_off=host.status.get("poweredOn") is False and not host.status.get("errorMessage"),
        is_held=HELD_OFF in host.metadata.annotations,
        turn_off=change(annotated(host, HELD_OFF, _AT_ONCE), "power off"),
        let_go=change(without_annotation(HELD_OFF), "power on"),
    )
