"""What is in force, as those who act ask for it: immutable, published whole on the `Board`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.twin.faults.fault import FaultSpec
from kubewright.twin.faults.types import CLAIMS, CLIENTS, OBJECTS, PODS, WEBHOOKS


@dataclass(frozen=True, slots=True)
class Active:
    """One fault that is in force. `since` and `until` are in seconds since 1970."""

    name: str
    version: tuple[str, int]
    """Its uid and generation: one that is edited is another."""
    spec: FaultSpec
    occurrence: int
    since: float
    until: float | None = None
    is_new: bool = True
    """Whether nobody has written down yet that it is in force: what it does only once is still to be done."""
    chosen: frozenset[str] | None = None
    """Of nodes, pods and claims those that it hits, as `name_of` names them; None where all that match are hit."""

    @property
    def key(self) -> tuple[tuple[str, int], int]:
        """Tell this time of this fault from all others."""
        return self.version, self.occurrence

    def draw(self, about: str) -> float:
        """Return a number from 0 to 1 that depends on the seed, the time of the fault and what it is about alone."""
        text = f"{self.spec.seed}/{self.name}/{self.occurrence}/{about}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2.0**56

    def hits_pod(self, pod: Pod) -> bool:
        """Tell whether it hits a pod; one that has just come is hit if all that match are."""
        pods = self.spec.target.pods
        return pods is not None and pods.matches(pod) and (self.chosen is None or str(pod.key) in self.chosen)

    def hits_claim(self, claim: ObjectKey) -> bool:
        """Tell whether it hits a claim."""
        claims = self.spec.target.claims
        return claims is not None and claims.matches(claim) and (self.chosen is None or str(claim) in self.chosen)


def claims_of(pod: Pod) -> tuple[ObjectKey, ...]:
    """Return the claims that a pod mounts."""
    sources = (each.persistent_volume_claim for each in pod.spec.volumes)
    return tuple(ObjectKey(pod.metadata.namespace, each.claim_name) for each in sources if each is not None)


@dataclass(frozen=True, slots=True)
class InForce:
    """Every fault in force, in the order of their names, by what they hit."""

    active: tuple[Active, ...] = ()
    on_pods: tuple[Active, ...] = ()
    on_clients: tuple[Active, ...] = ()
    on_webhooks: tuple[Active, ...] = ()
    on_objects: tuple[Active, ...] = ()
    on_claims: tuple[Active, ...] = ()
    on_nodes: Mapping[str, tuple[Active, ...]] = field(default_factory=dict[str, tuple[Active, ...]])
    """By node."""

    @classmethod
    def of(cls, active: Iterable[Active], nodes: Mapping[str, Iterable[str]]) -> InForce:
        """Sort out what is in force; `nodes` are those that each fault, by name, hits."""
        everything = tuple(sorted(active, key=lambda each: each.name))
        by_node: dict[str, list[Active]] = {}
        for each in everything:
            for node in nodes.get(each.name, ()):
                by_node.setdefault(node, []).append(each)
        return cls(
            everything,
            tuple(_aimed_at(everything, PODS)),
            tuple(_aimed_at(everything, CLIENTS)),
            tuple(_aimed_at(everything, WEBHOOKS)),
            tuple(_aimed_at(everything, OBJECTS)),
            tuple(_aimed_at(everything, CLAIMS)),
            {node: tuple(found) for node, found in sorted(by_node.items())},
        )

    def on_pod(self, pod: Pod) -> tuple[Active, ...]:
        """Return what hits a pod itself; what hits its node is said by `on_nodes`."""
        if not self.on_pods:
            return ()
        return tuple(each for each in self.on_pods if each.hits_pod(pod))


def _aimed_at(active: Iterable[Active], target: str) -> Iterator[Active]:
    return (each for each in active if getattr(each.spec.target, target) is not None)


Listener = Callable[[InForce, InForce], None]


class Board:
    """Where it is published: `now` is read by whoever acts, and listeners are told of each change, old and new."""

    def __init__(self, now: InForce | None = None) -> None:
        self.now = now or InForce()
        self._listeners: list[Listener] = []

    def publish(self, new: InForce) -> None:
        """Put something else in force."""
        old, self.now = self.now, new
        if new != old:
            for listener in self._listeners:
                listener(old, new)

    def listen(self, listener: Listener) -> None:
        """Call `listener` when what is in force changes; it must not block."""
        self._listeners.append(listener)
