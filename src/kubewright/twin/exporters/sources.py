"""Where exporters look: the twin's caches, its store and its usage ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.api.quantity import parse_quantity
from kubewright.clock import Clock
from kubewright.store.versioned import VersionedStore
from kubewright.twin.caches import BY_NODE, Caches
from kubewright.twin.kubelet.devices import NodeDevices
from kubewright.twin.usage.account import Gone, Reading
from kubewright.twin.usage.ledger import Ledger

SYSTEM_CORES = 0.08
"""What the system itself uses of each node."""
SYSTEM_MEMORY_SHARE = 0.04
SYSTEM_STORAGE_BYTES = 8e9


@dataclass(frozen=True, slots=True)
class PodUse:
    """A pod that is bound to a node and the containers of it that run."""

    pod: Pod
    readings: list[Reading]


@dataclass(frozen=True, slots=True)
class NodeUse:
    """A node at one moment: its pods, and the sums over them and the system."""

    node: Node
    now: float
    pods: list[PodUse]
    gone: Gone

    @property
    def readings(self) -> list[Reading]:
        """Return every running container."""
        return [reading for use in self.pods for reading in use.readings]

    @property
    def booted_at(self) -> float:
        """Return since when the node is there."""
        created = self.node.metadata.creation_timestamp
        return parse_time(created) if created else self.now

    @property
    def uptime_seconds(self) -> float:
        """Return for how long it is there."""
        return max(0.0, self.now - self.booted_at)

    def capacity(self, resource: str, default: float) -> float:
        """Return what it has of a resource."""
        amount = self.node.status.capacity.get(resource)
        return default if amount is None else float(parse_quantity(amount))

    @property
    def cpu_seconds(self) -> float:
        """Return all cpu used since it is there; it never falls."""
        own = self.gone.cpu_seconds + self.uptime_seconds * SYSTEM_CORES
        return own + sum(each.cpu_seconds for each in self.readings)

    @property
    def memory_bytes(self) -> float:
        """Return the memory in use, at most what there is."""
        total = self.capacity("memory", 0.0)
        return min(total, total * SYSTEM_MEMORY_SHARE + sum(each.memory_bytes for each in self.readings))


class Sources:
    """The cluster as exporters see it.

    Kubelets tell whether they would answer and who has which device, faults which claim is full.
    """

    def __init__(
        self,
        clock: Clock,
        caches: Caches,
        store: VersionedStore,
        ledger: Ledger,
        *,
        reachable: Callable[[str], bool],
        devices_on: Callable[[str], NodeDevices],
        is_full: Callable[[ObjectKey], bool],
    ) -> None:
        self.clock = clock
        self.caches = caches
        self.store = store
        self.ledger = ledger
        self.reachable = reachable
        self.devices_on = devices_on
        self.is_full = is_full

    def node(self, name: str) -> Node | None:
        """Return a node."""
        return self.caches.nodes.index.get(ObjectKey("", name))

    def pod(self, namespace: str, name: str) -> Pod | None:
        """Return a pod."""
        return self.caches.pods.index.get(ObjectKey(namespace, name))

    def pods_on(self, node: str) -> list[Pod]:
        """Return a node's pods by namespace and name."""
        return sorted(self.caches.pods.index.by(BY_NODE, node), key=lambda pod: pod.key)

    def use_of(self, node: Node) -> NodeUse:
        """Read a node's pods."""
        name = node.metadata.name
        pods = [PodUse(pod, self.ledger.readings(pod)) for pod in self.pods_on(name)]
        return NodeUse(node, self.clock.now(), pods, self.ledger.gone(name))
