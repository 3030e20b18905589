"""Why a pod waits and what a change would do, asked as the person who wants to know: as `why` and `whatif` answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kubewright.api.meta import ObjectKey
from kubewright.api.pods import PODS
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.explain.answers import about_pod
from kubewright.explain.documents import effect_document, explanations
from kubewright.explain.modifications import NODES_AT_MOST, AddNodes, Modification, RemoveNode, Scale
from kubewright.explain.reading import read
from kubewright.explain.targets import parse_target
from kubewright.explain.whatif import whatif
from kubewright.placement.policy import SPREAD

MOST_CHANGES = 16
MOST_REPLICAS = 100_000


async def why_pod(client: Client, key: ObjectKey) -> Any:
    """Return why a pod waits, as JSON; raises OpError."""
    found = await client.get(PODS, key)
    cluster = await read(client)
    pod = next((each for each in cluster.pods if each.key == key), found)
    return explanations(about_pod(pod, cluster, Clock.wall().now(), SPREAD), f"pod/{key.name}")


class Change(msgspec.Struct, frozen=True):
    """One change to try: `add` nodes like `name`, `remove` the node `name`, or `scale` the workload `name`."""

    kind: str
    name: str
    namespace: str = ""
    count: int = 0


class Changes(msgspec.Struct, frozen=True):
    """What to try at once."""

    changes: tuple[Change, ...]


async def what_if(client: Client, wanted: Changes) -> Any:
    """Return what changes would do, as JSON; raises OpError."""
    if not 0 < len(wanted.changes) <= MOST_CHANGES:
        raise OpError("whatif", ErrorKind.INVALID, "", f"say 1 to {MOST_CHANGES} changes")
    modifications = list(_modifications(wanted))
    return effect_document(whatif(await read(client), modifications, SPREAD, None))


def _modifications(wanted: Changes) -> Iterator[Modification]:
    for change in wanted.changes:
        match change.kind:
            case "add" if 0 < change.count <= NODES_AT_MOST:
                yield AddNodes(change.count, change.name)
            case "remove":
                yield RemoveNode(change.name)
            case "scale" if 0 <= change.count <= MOST_REPLICAS:
                yield Scale(parse_target(change.name), change.namespace, change.count)
            case _:
                said = f"{change.kind} {change.count} is none of: add nodes, remove a node, scale a workload"
                raise OpError("whatif", ErrorKind.INVALID, change.name, said)
