"""Which nodes to add for pods that wait: whole nodes by price, each filled with what it holds. Pure.

Each step takes the offer that holds the most for its price, where what pods are worth is what their requests would
cost on the cheapest nodes that have them. Every rule of scheduling is asked on a fork that has the node in it, so
zones, spread, taints, GPUs and daemons count. A pod that no offer could hold, empty, is told why, and adds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.resources import amounts
from kubewright.explain.forks import copy_on, daemons_of, with_nodes
from kubewright.nodepools.consolidate import by_weight
from kubewright.nodepools.members import Offer
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.examine import examine, passes, problem_of
from kubewright.placement.fit import find
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot

NODES_A_ROUND = 100
"""At most so many nodes are asked for at once; who waits then still, in the next round."""
_NAMED = 6
"""So many offers are named for each reason."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A node to ask for, and the pods that it is for."""

    offer: Offer
    pods: tuple[ObjectKey, ...]
    instead_of: tuple[str, ...] = ()
    """The nodes that can be spared once it is there, if that is what it is for."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What to add, and who is not helped by it."""

    launches: tuple[Launch, ...] = ()
    hopeless: Mapping[ObjectKey, str] = field(default_factory=dict[ObjectKey, str])
    """Pods that no offer could hold, each with the reason."""
    limited: tuple[ObjectKey, ...] = ()
    """Pods that an offer could hold, if their pools might have more nodes."""


@dataclass(slots=True)
class _Trial:
    offer: Offer
    fork: ClusterSnapshot
    rows: list[PodRow]


def settle(
    snapshot: ClusterSnapshot, pods: Iterable[Pod], policy: Policy = SPREAD, without: NodeMask | None = None
) -> list[Pod]:
    """Book pods that wait where they will find a place anyhow, and return those that find none; changes `snapshot`.

    Nobody is placed on the nodes of `without`.
    """
    left: list[Pod] = []
    refused: set[bytes] = set()
    for pod in sorted(pods, key=lambda each: (-each.spec.priority, each.key)):
        row = snapshot.row(pod)
        if problem_of(row, snapshot):
            continue  # gates, or a claim that is not there: no node would help
        fit = None if row.shape.key in refused else find(pod, snapshot, 0, policy, without)
        if fit is None:
            refused.add(row.shape.key)
            left.append(pod)
        else:
            snapshot.assume(fit.row, fit.column)
    return left


def fill(
    snapshot: ClusterSnapshot,
    waiting: Sequence[Pod],
    offers: Sequence[Offer],
    room: Mapping[str, int],
    *,
    policy: Policy = SPREAD,
    every: Sequence[Offer] = (),
) -> Filling:
    """Return what to add for pods that find no place; `room` is how many nodes more each pool may have, by name.

    `offers` are what may be asked for now, of `every` that there is at other times.
    """
    room = dict(room)
    state, launches = snapshot, list[Launch]()
    best: _Trial | None = None
    hopeless = _hopeless(snapshot, waiting, every or offers, policy)
    left = [each for each in waiting if each.key not in hopeless]
    worth = _unit_prices(every or offers)
    while left and len(launches) < NODES_A_ROUND:
        best = _once_more(best, left, room, policy) or _best(
            state, [each for each in offers if room[each.pool.metadata.name] > 0], left, worth, policy
        )
        if best is None:
            break
        state = best.fork
        held = {row.key for row in best.rows}
        left = [each for each in left if each.key not in held]
        launches.append(Launch(best.offer, tuple(sorted(held))))
        room[best.offer.pool.metadata.name] -= 1
    return Filling(tuple(launches), hopeless, tuple(each.key for each in left))


def _best(
    state: ClusterSnapshot,
    offers: Sequence[Offer],
    left: Sequence[Pod],
    worth: Mapping[str, float],
    policy: Policy,
) -> _Trial | None:
    """Return the offer that holds the most for its price, of the first pool that holds anything."""
    by_pool: dict[str, list[Offer]] = {}
    for each in offers:
        by_pool.setdefault(each.pool.metadata.name, []).append(each)
    for own in by_pool.values():
        trials = [trial for each in own if (trial := _tried(state, each, left, policy)).rows]
        if trials:
            return max(trials, key=lambda each: (_value(each, worth) / each.offer.price, -each.offer.price))
    return None


def _tried(state: ClusterSnapshot, offer: Offer, left: Sequence[Pod], policy: Policy) -> _Trial:
    """Fill one more node of an offer with what it holds, the most important first and of these the largest."""
    fork, column = with_offer(state, offer)
    trial = _Trial(offer, fork, [])
    refused: set[bytes] = set()
    rows = sorted((fork.row(pod) for pod in left), key=by_weight)
    for row in rows:
        if row.shape.key in refused:
            continue
        if passes(row, fork, column, policy):
            fork.assume(row, column)
            trial.rows.append(row)
        else:
            refused.add(row.shape.key)
    return trial


def _once_more(best: _Trial | None, left: Sequence[Pod], room: Mapping[str, int], policy: Policy) -> _Trial | None:
    """Fill another node of the same offer with pods of the same shapes, if as many are left: nothing else is better."""
    if best is None or room[best.offer.pool.metadata.name] <= 0:
        return None
    wanted = Counter(row.shape.key for row in best.rows)
    chosen: list[Pod] = []
    for pod in left:
        key = best.fork.row(pod).shape.key
        if wanted[key] > 0:
            wanted[key] -= 1
            chosen.append(pod)
    if any(count > 0 for count in wanted.values()):
        return None
    trial = _tried(best.fork, best.offer, chosen, policy)
    return trial if len(trial.rows) == len(chosen) else None


def with_offer(snapshot: ClusterSnapshot, offer: Offer) -> tuple[ClusterSnapshot, int]:
    """Return a fork that has one more node, with the daemons that its pool's nodes run, and the node's column."""
    name = f"{offer.key} {len(snapshot.table)}"  # no node has such a name
    fork = with_nodes(snapshot, {name: offer.node(name)})
    selector = offer.pool.spec.node_selector.items()
    like = next(
        (
            column
            for column, node in enumerate(snapshot.table.nodes)
            if node.metadata.uid and all(node.metadata.labels.get(key) == value for key, value in selector)
        ),
        None,
    )
    column = fork.table.columns[name]
    for daemon in daemons_of(snapshot, like) if like is not None else ():
        fork.assume(fork.row(copy_on(daemon, name)), column)
    return fork, column


def _hopeless(
    snapshot: ClusterSnapshot, waiting: Sequence[Pod], offers: Sequence[Offer], policy: Policy
) -> dict[ObjectKey, str]:
    """Return the pods that no offer could hold if nothing else were on it, each with what every offer lacks."""
    forks = [(each, *with_offer(snapshot, each)) for each in offers]
    reasons: dict[bytes, str] = {}
    found: dict[ObjectKey, str] = {}
    for pod in waiting:
        key = snapshot.row(pod).shape.key
        if key not in reasons:
            reasons[key] = _reason(pod, forks, policy)
        if reasons[key]:
            found[pod.key] = reasons[key]
    return found


def _reason(pod: Pod, forks: Sequence[tuple[Offer, ClusterSnapshot, int]], policy: Policy) -> str:
    said: dict[str, list[str]] = {}
    for offer, fork, column in forks:
        row = fork.row(pod)
        if passes(row, fork, column, policy):
            return ""
        among = fork.table.none()
        among[column] = True
        diagnosis: Diagnosis = examine(row, fork, policy, among).diagnosis
        texts = [text for refusal in diagnosis.refusals for text, _ in refusal.reasons] or [diagnosis.problem]
        said.setdefault(", ".join(texts), []).append(f"{offer.pool.metadata.name} {offer}")
    if not said:
        return "no pool has a type of nodes to add"
    return "; ".join(f"{', '.join(sorted(names)[:_NAMED])}: {text}" for text, names in sorted(said.items()))


def _unit_prices(offers: Iterable[Offer]) -> dict[str, float]:
    """Return what a unit of each resource costs where it is cheapest, the price shared among what a type offers."""
    found: dict[str, float] = {}
    for each in offers:
        offered = {name: amount for name, amount in amounts(each.type.allocatable).items() if amount > 0}
        for name, amount in offered.items():
            found[name] = min(found.get(name, float("inf")), each.price / len(offered) / amount)
    return found


def _value(trial: _Trial, worth: Mapping[str, float]) -> float:
    """Return what the pods on a node are worth."""
    resources = trial.fork.table.resources
    return sum(amount * worth.get(resources[number], 0.0) for row in trial.rows for number, amount in row.shape.wanted)
