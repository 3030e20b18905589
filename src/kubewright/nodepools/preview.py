"""What could be spared at this moment, for people to look at: `kubewright consolidate`. Pure; it moves nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from kubewright.api.core import Node
from kubewright.api.crds.nodepool import NodePool, NodePoolSpec
from kubewright.api.meta import Manifest, ObjectMeta
from kubewright.nodepools.consolidate import Move, Spared, spare
from kubewright.nodepools.filling import settle
from kubewright.nodepools.seen import Memory, Seen
from kubewright.nodepools.sparing import Replacement, best_replacement, candidates, reason
from kubewright.nodepools.turns import Deciding
from kubewright.placement.scores.nodes import COST_LABEL

_MOST_NODES = 100_000


@dataclass(frozen=True, slots=True)
class Preview:
    """One pool: what could be spared together, whatever its budgets and waits say, and why nothing else."""

    pool: NodePool
    spared: Spared
    replacement: Replacement | None
    why_not: dict[str, str]

    def lines(self) -> Iterator[str]:
        """Yield it as text."""
        name = self.pool.metadata.name
        for each in self.spared.nodes:
            yield f"{name}: node/{each.name} could go: {reason(each, self.pool)}"
            yield from (
                f"  pod/{move.pod.name} of {move.pod.namespace} -> {move.target}"
                for move in self.spared.moves
                if move.source == each.name
            )
        if self.replacement is not None:
            others = ", ".join(each.name for each in self.replacement.spared.nodes)
            yield f"{name}: one {self.replacement.offer} could replace {others}, for {self.replacement.saving:.4g} less"
        yield from (f"{name}: node/{node} stays: {why}" for node, why in sorted(self.why_not.items()))
        yield f"{name}: {self._saved():.4g} an hour could be saved, by {len(self.spared.moves)} moves"

    def document(self) -> Manifest:
        """Return it for programs; prices and costs are of an hour, in the currency of the nodes' labels."""
        told: Manifest = {
            "pool": self.pool.metadata.name,
            "nodes": [{"name": each.name, "price": each.price, "movesCost": each.cost} for each in self.spared.nodes],
            "moves": [_move(each) for each in self.spared.moves],
            "stay": dict(sorted(self.why_not.items())),
            "saves": self._saved(),
        }
        if self.replacement is not None:
            told["replacement"] = {
                "offer": str(self.replacement.offer),
                "nodes": [each.name for each in self.replacement.spared.nodes],
                "moves": [_move(each) for each in self.replacement.spared.moves],
            }
        return told

    def _saved(self) -> float:
        return self.spared.price or (self.replacement.saving if self.replacement is not None else 0.0)


def _move(each: Move) -> Manifest:
    return {"namespace": each.pod.namespace, "pod": each.pod.name, "from": each.source, "to": each.target}


def preview(seen: Seen, now: float) -> Iterator[Preview]:
    """Yield what could be spared, pool by pool, after who waits has had its place."""
    deciding = Deciding.of(seen, Memory(), now)
    settle(deciding.state, seen.waiting, seen.policy)
    for turn in deciding.turns:
        ready, why_not = candidates(deciding, turn)
        most = max(turn.size - turn.pool.spec.min, 0)
        spared = spare(deciding.state, ready, most, seen.policy)
        replacement = best_replacement(deciding, turn, ready, most) if not spared.nodes else None
        if most <= len(spared.nodes):
            kept = {each.name for each in spared.nodes}
            least = f"the pool keeps {turn.pool.spec.min} nodes"
            why_not |= {each.name: least for each in ready if each.name not in kept | spared.why_not.keys()}
        yield Preview(turn.pool, spared, replacement, why_not | spared.why_not)


def whole_cluster() -> NodePool:
    """Return a pool that all nodes belong to and that nothing can be added to: for clusters that have none."""
    return NodePool(metadata=ObjectMeta(name="cluster"), spec=NodePoolSpec(max=_MOST_NODES))


def priced(node: Node) -> Node:
    """Return a node that costs one an hour, unless it says something else."""
    labels = {COST_LABEL: "1"} | dict(node.metadata.labels)
    return replace(node, metadata=replace(node.metadata, labels=labels))
