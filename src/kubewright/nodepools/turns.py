"""What the steps of a round share: each pool's nodes, the cluster as it will be, and what was decided so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from msgspec.structs import replace as with_fields

from kubewright.api.core import Node
from kubewright.api.crds.nodepool import NodePool
from kubewright.api.meta import parse_time
from kubewright.explain.forks import with_nodes
from kubewright.nodepools.filling import with_offer
from kubewright.nodepools.members import EMPTYING, Coming, in_order, with_pools
from kubewright.nodepools.seen import Memory, Round, Seen
from kubewright.placement.snapshot import ClusterSnapshot

BACK_OFF_SECONDS = 300.0
MOST_BACK_OFF_SECONDS = 4 * 3600.0
_CORDON = "node.kubernetes.io/unschedulable"
_STARTING = frozenset({"node.kubernetes.io/not-ready", "node.cloudprovider.kubernetes.io/uninitialized"})


@dataclass(slots=True)
class Turn:
    """One pool's nodes in a round."""

    pool: NodePool
    nodes: list[Node] = field(default_factory=list[Node])
    emptying: list[Node] = field(default_factory=list[Node])
    coming: list[Coming] = field(default_factory=list[Coming])

    @property
    def name(self) -> str:
        """Return the pool's name."""
        return self.pool.metadata.name

    @property
    def size(self) -> int:
        """Return how many nodes it will have when all that is under way is done."""
        return len(self.nodes) - len(self.emptying) + len(self.coming)


@dataclass(slots=True)
class Deciding:
    """A round under way."""

    seen: Seen
    now: float
    memory: Memory
    turns: list[Turn]
    state: ClusterSnapshot
    """A fork with the nodes that are on their way, in which what is decided is booked."""
    found: Round = field(default_factory=Round)

    @classmethod
    def of(cls, seen: Seen, memory: Memory, now: float) -> Deciding:
        """Begin a round."""
        turns = {each.metadata.name: Turn(each) for each in in_order(seen.pools)}
        starting: dict[str, Node | None] = {}
        for node, pool in with_pools(seen.snapshot.table.nodes, seen.pools):
            turn = turns[pool.metadata.name]
            turn.nodes.append(node)
            if EMPTYING in node.metadata.annotations:
                turn.emptying.append(node)
            if age(node, now) < pool.spec.startup_seconds and any(each.key in _STARTING for each in node.spec.taints):
                starting[node.metadata.name] = without_taints(node, _STARTING)
        state = with_nodes(seen.snapshot, starting) if starting else seen.snapshot.fork()
        for each in seen.coming:
            turn = turns.get(each.offer.pool.metadata.name)
            if turn is not None and now - each.since <= turn.pool.spec.startup_seconds:
                turn.coming.append(each)
                state, _ = with_offer(state, each.offer)
        return cls(seen, now, memory, list(turns.values()), state)

    def back_off(self, key: str) -> None:
        """Leave a node or an offer alone that came to nothing."""
        self.memory = backed_off(self.memory, key, self.now)

    def is_left_alone(self, key: str) -> bool:
        """Tell whether a node or an offer is not to be tried now."""
        return self.memory.left_alone.get(key, 0.0) > self.now

    def reopened(self, nodes: Iterable[Node]) -> ClusterSnapshot:
        """Return a fork of the cluster in which these nodes take pods again."""
        return with_nodes(self.seen.snapshot, {node.metadata.name: _uncordoned(node) for node in nodes})


def backed_off(memory: Memory, key: str, now: float) -> Memory:
    """Leave a node or an offer alone, each time in a row for twice as long."""
    failures = memory.failures.get(key, 0.0)
    pause = min(BACK_OFF_SECONDS * 2**failures, MOST_BACK_OFF_SECONDS)
    alone, counts = {**memory.left_alone, key: now + pause}, {**memory.failures, key: failures + 1}
    return replace(memory, left_alone=alone, failures=counts)


def forgotten(memory: Memory, now: float) -> Memory:
    """Forget failures that are long past."""
    kept = {key: until for key, until in memory.left_alone.items() if now - until < MOST_BACK_OFF_SECONDS}
    return replace(
        memory, left_alone=kept, failures={key: count for key, count in memory.failures.items() if key in kept}
    )


def age(node: Node, now: float) -> float:
    """Return for how many seconds a node has been there."""
    created = node.metadata.creation_timestamp
    return now - parse_time(created) if created else float("inf")


def without_taints(node: Node, keys: Iterable[str]) -> Node:
    """Return the node as it is once these taints are taken off."""
    names = frozenset(keys)
    taints = tuple(each for each in node.spec.taints if each.key not in names)
    return with_fields(node, spec=with_fields(node.spec, taints=taints))


def _uncordoned(node: Node) -> Node:
    node = without_taints(node, (_CORDON,))
    return with_fields(node, spec=with_fields(node.spec, unschedulable=False))
