"""Which nodes can be emptied together, asked of `placement` on a fork. Pure.

Candidates are taken one by one, the cheapest to empty for what it saves first, and kept if everything on them and on
those before finds a place on the rest. All of a set are cordoned before anybody moves, so nobody moves twice. They
stay in the fork, cordoned, since that is what schedulers see while pods move: topology counts them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np
from msgspec.structs import replace

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.disruption.drain import must_leave
from kubewright.placement.fit import find
from kubewright.placement.nodes import Amounts, NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot

T = TypeVar("T")

TRIES = 200
"""At most so many candidates are tried in a round: the rest has its turn once these are gone."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that may be emptied."""

    node: Node
    price: float
    """Of an hour."""
    cost: float
    """Of moving its pods, in the same currency."""

    @property
    def name(self) -> str:
        """Return the node's name."""
        return self.node.metadata.name


@dataclass(frozen=True, slots=True)
class Move:
    """Where a pod would find its place."""

    pod: ObjectKey
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Spared:
    """Nodes that can be emptied together, and where their pods would be."""

    nodes: tuple[Candidate, ...] = ()
    moves: tuple[Move, ...] = ()
    why_not: dict[str, str] = field(default_factory=dict[str, str])
    """For candidates that cannot, the pod that finds no place."""

    @property
    def price(self) -> float:
        """Return what the nodes cost an hour."""
        return sum(each.price for each in self.nodes)

    @property
    def cost(self) -> float:
        """Return what moving all of their pods costs."""
        return sum(each.cost for each in self.nodes)


Steps: TypeAlias = Generator[None, None, T]
"""Work that may pause wherever it yields; what it comes to is the same."""


def at_once(steps: Steps[T]) -> T:
    """Do the work without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def spare(
    snapshot: ClusterSnapshot,
    candidates: Sequence[Candidate],
    most: int,
    policy: Policy = SPREAD,
    avoided: Sequence[str] = (),
) -> Spared:
    """Return at most so many candidates, which are in the order of preference, that can be emptied together.

    Nobody is placed on `avoided` nodes.
    """
    return at_once(sparing(snapshot, candidates, most, policy, avoided))


def sparing(
    snapshot: ClusterSnapshot,
    candidates: Sequence[Candidate],
    most: int,
    policy: Policy = SPREAD,
    avoided: Sequence[str] = (),
) -> Steps[Spared]:
    """Do what `spare` does, a candidate at a step: with thousands of nodes that is seconds of work."""
    table = snapshot.table
    without = table.none()
    without[[table.columns[name] for name in avoided if name in table.columns]] = True
    state, chosen, why_not = snapshot, list[Candidate](), dict[str, str]()
    moves: dict[ObjectKey, Move] = {}
    for each in candidates[:TRIES]:
        if len(chosen) >= most:
            break
        yield
        column = table.columns[each.name]
        without[column] = True
        trial = _emptied(state, column, without, policy)
        if isinstance(trial, ObjectKey):
            without[column] = False
            why_not[each.name] = f"pod {trial} finds no place elsewhere"
            continue
        state, found = trial
        chosen.append(each)
        for key, target in found.items():
            before = moves.get(key)
            moves[key] = Move(key, each.name if before is None else before.source, target)
    return Spared(tuple(chosen), tuple(moves[key] for key in sorted(moves)), why_not)


def _emptied(
    state: ClusterSnapshot, column: int, without: NodeMask, policy: Policy
) -> tuple[ClusterSnapshot, dict[ObjectKey, str]] | ObjectKey:
    """Return a fork in which who has to leave a node is elsewhere, and where; or who finds no place."""
    leaving = must_leave(each.row.pod for each in state.on_node[column])
    if not leaving:
        return state, {}
    fork = state.fork()
    rows = sorted((fork.row(unplaced(pod)) for pod in leaving), key=by_weight)
    if _is_too_much(fork, np.sum([row.request for row in rows], axis=0), without):
        return rows[0].key
    for row in rows:
        fork.forget(row.key)
    found: dict[ObjectKey, str] = {}
    for row in rows:
        fit = find(row.pod, fork, 0, policy, without)
        if fit is None:
            return row.key
        fork.assume(fit.row, fit.column)
        found[row.key] = fit.node
    return fork, found


def by_weight(row: PodRow) -> tuple[int, int, ObjectKey]:
    """Return in which order pods are given their places: the most important first, of these the largest."""
    return -row.priority, -row.shape.small[0], row.key


def unplaced(pod: Pod) -> Pod:
    """Return the pod as whoever makes it anew will make it: on no node yet."""
    return replace(pod, spec=replace(pod.spec, node_name=""), status=replace(pod.status, nominated_node_name=""))


def _is_too_much(state: ClusterSnapshot, wanted: Amounts, without: NodeMask) -> bool:
    """Tell whether all the other nodes together lack the room: a glance that saves most of the tries that fail."""
    usable = ~without & ~state.table.unschedulable
    free = np.maximum(state.table.allocatable[:, usable] - state.requested[:, usable], 0).sum(axis=1)
    return bool((wanted > free).any())
