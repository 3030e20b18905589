"""What a node's agent and the healer say to each other, on one Lease for each node. Pure.

The agent renews it every 20 seconds and writes on it which of its neighbours it does not reach; in the answer it reads
who its neighbours are, which the healer has written there, and whether it is told to stop what runs. So no agent
watches or lists anything. GPUs that are out of use stand on the Node, where the device plugin reads them.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kubewright.api.coordination import LEASES, Lease
from kubewright.api.core import Node
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.places import SYSTEM_NAMESPACE


class Answer(enum.StrEnum):
    """What comes back from a node's kubelet port."""

    KUBELET = "kubelet"
    """The kubelet answers."""
    MACHINE = "machine"
    """Its machine does, by taking the connection or refusing it, and no more."""
    NOTHING = "nothing"


NAMESPACE = SYSTEM_NAMESPACE
PREFIX = "node-agent."
"""What the leases' names begin with; the node's name follows."""
RENEW_SECONDS = 20.0
LEASE_SECONDS = 60
LOOK_SECONDS = 5.0
"""So often an agent looks at its neighbours, and tries again to renew what it could not."""
GIVE_UP_SECONDS = 60.0
"""An agent that fences itself does so when it could not renew for so long."""
WATCHDOG_SECONDS = 15.0
"""So long after it was last told to wait the machine's watchdog resets it."""
FENCED_AFTER_SECONDS = GIVE_UP_SECONDS + LOOK_SECONDS + WATCHDOG_SECONDS
API_LOST_SECONDS = 40.0
"""An agent that could not renew for so long tells its neighbours that it does not reach the API server either."""
_DOMAIN = "agent.kubewright.dev/"
UNREACHED = f"{_DOMAIN}unreached"
"""By the agent: the neighbours that it does not reach, by commas."""
NEIGHBOURS = f"{_DOMAIN}neighbours"
"""By the healer: NAME=ADDRESS by commas."""
SELF_FENCING = f"{_DOMAIN}self-fencing-seconds"
"""By the agent: so long after the start of its last renewal nothing runs there any more, come what may."""
FENCE = f"{_DOMAIN}fence"
"""By the healer: boot the machine, for this incident."""
FENCED = f"{_DOMAIN}fenced"
"""By the agent, once the machine is up again: for which incident it has booted."""
QUARANTINED = "gpu.kubewright.dev/quarantined"
"""On a Node, by the healer: the GPUs, by number and comma, that the device plugin does not give out."""
HELD = "healing.kubewright.dev/held"
"""On a Node, by the healer: for which cause it takes no new pods."""
_IN_ZONE = 2
_ANYWHERE = 1
_MOST_GPUS = 64
_ZONE = "topology.kubernetes.io/zone"


def lease_key(node: str) -> ObjectKey:
    """Return which lease is a node's agent's."""
    return ObjectKey(NAMESPACE, PREFIX + node)


def node_of(lease: ObjectKey) -> str:
    """Return whose agent's a lease is; nothing if it is none."""
    named = lease.namespace == NAMESPACE and lease.name.startswith(PREFIX)
    return lease.name.removeprefix(PREFIX) if named else ""


def read_names(text: str) -> tuple[str, ...]:
    """Read names by commas."""
    return tuple(each for each in text.split(",") if each)


def read_neighbours(text: str) -> dict[str, str]:
    """Read the addresses of neighbours by name; what makes no sense is left out."""
    pairs = (each.partition("=") for each in text.split(","))
    return {name: address for name, _, address in pairs if name and address}


def write_neighbours(neighbours: Mapping[str, str]) -> str:
    """Write them so."""
    return ",".join(f"{name}={address}" for name, address in neighbours.items())


def self_fencing_seconds(lease: Lease) -> float | None:
    """Return after how long without a renewal an agent has stopped what holds volumes; None where it does not."""
    text = lease.metadata.annotations.get(SELF_FENCING, "")
    return float(text) if text.isascii() and text.isdigit() else None


def quarantined(node: Node) -> tuple[int, ...]:
    """Return the GPUs of a node that are out of use, in order; what makes no sense is left out."""
    words = node.metadata.annotations.get(QUARANTINED, "").split(",")[:_MOST_GPUS]
    return tuple(sorted({int(each) for each in words if each.isascii() and each.isdigit() and len(each) <= len("63")}))


def write_quarantined(gpus: Iterable[int]) -> str:
    """Write them so."""
    return ",".join(str(each) for each in sorted(set(gpus)))


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Who watches over whom: two of the same zone and one of anywhere, in the order of hashes of their names.

    A node that comes or goes changes the neighbours of three others, and no load lies on any one.
    """

    observed: Mapping[str, tuple[str, ...]]
    """Whom each node looks at."""
    observers: Mapping[str, tuple[str, ...]]
    """Who looks at each node."""
    addresses: Mapping[str, str]

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Neighbourhood:
        """Find the neighbours of nodes that have an address."""
        known = {each.metadata.name: each for each in nodes if each.internal_ip}
        ring = sorted(known, key=_place)
        by_zone: dict[str, list[str]] = {}
        for name in ring:
            by_zone.setdefault(known[name].metadata.labels.get(_ZONE, ""), []).append(name)
        observed: dict[str, tuple[str, ...]] = {}
        for circle, count in [*((each, _IN_ZONE) for each in by_zone.values()), (ring, _IN_ZONE + _ANYWHERE)]:
            for position, name in enumerate(circle):
                chosen = list(observed.get(name, ()))
                chosen += [each for each in _after(circle, position) if each not in chosen]
                observed[name] = tuple(chosen[:count])
        observers: dict[str, list[str]] = {}
        for name, seen in observed.items():
            for each in seen:
                observers.setdefault(each, []).append(name)
        addresses = {name: each.internal_ip for name, each in known.items()}
        return cls(observed, {name: tuple(each) for name, each in observers.items()}, addresses)

    def written(self, node: str) -> str:
        """Return the neighbours of a node as its lease has them."""
        return write_neighbours({each: self.addresses[each] for each in self.observed.get(node, ())})


def _after(circle: list[str], position: int) -> list[str]:
    """Return the next few, of whom two may be neighbours already."""
    steps = range(1, min(len(circle), 2 * _IN_ZONE + _ANYWHERE + 1))
    return [circle[(position + step) % len(circle)] for step in steps]


def _place(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def lease_manifest(node: str, annotations: Mapping[str, str], renewed_at: str) -> Manifest:
    """Return the lease as an agent applies it, under its own field manager."""
    spec: Manifest = {"holderIdentity": node, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": renewed_at}
    return notes_manifest(node, annotations) | {"spec": spec}


def notes_manifest(node: str, annotations: Mapping[str, str], resource_version: str = "") -> Manifest:
    """Return all that one field manager notes on an agent's lease; with a version, on that very one."""
    key = lease_key(node)
    said = {"annotations": dict(annotations), "resourceVersion": resource_version}
    metadata: Manifest = {"name": key.name, "namespace": key.namespace, **{name: it for name, it in said.items() if it}}
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}
