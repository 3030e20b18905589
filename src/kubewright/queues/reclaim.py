"""Whom a queue may take room from, and as few of them as will do. Pure: nobody is evicted here.

    own queue       units of lower priority, and enough of them that the queue does not borrow more than before
    other queues    units of those that borrow, so that the claimant has what is its own; under the policy FairShare
                    also what they borrow beyond their own, if they would still have no smaller share than the claimant

What may be taken is worked out from the common ancestor of the two queues: on the way down to the one that gives, every
queue must use more than its own. A claim that would still not fit takes nothing.

One order decides: what is a queue's own, then shares of what is lent, then priority within a queue. Nobody takes by a
later right what an earlier one gives back at once, else taking would go round in circles: a fair share leaves the giver
its own, and who outranks others of its queue takes their place and not also more of what is lent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.crds.queue import FAIR_SHARE, LOWER_PRIORITY, NEVER
from kubewright.api.meta import ObjectKey
from kubewright.queues.tree import QuotaTree
from kubewright.queues.units import Holder, Unit

TRIALS = 48
"""How often placing the claimant is tried to spare somebody."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants room: a pod, or a gang as a whole. Without a queue it outranks by priority alone."""

    queue: str
    amounts: Mapping[str, int]
    """By `quota_key`."""
    priority: int


class Room(Protocol):
    """The nodes, for trying."""

    def nodes_for(self, without: frozenset[ObjectKey]) -> frozenset[str] | None:
        """Return where the claimant would be if some pods were gone; None if it would still not fit."""
        ...


def reclaim(claim: Claim, tree: QuotaTree, units: Iterable[Unit], room: Room, now: float) -> tuple[Unit, ...] | None:
    """Return what must go so that the claimant fits; None if nothing that may be taken would do."""
    trial = _Trial(claim, tree, now)
    may = [each for each in sorted(units, key=lambda each: (each.queue == claim.queue, *each.order)) if trial.may(each)]
    on_node = Counter(pod.node for unit in may for pod in unit.pods)
    for order in (
        may,
        sorted(may, key=lambda each: -sum(sum(pod.amounts.values()) for pod in each.pods)),
        sorted(may, key=lambda each: (on_node[each.pods[0].node], each.pods[0].node)),
    ):
        enough = _smallest_prefix(order, room)
        if enough is None:
            return None
        found = trial.completed(_spared(enough, room), may)
        if found:
            return found
    return None


class _Trial:
    """What may be taken, tried on forks of the tree."""

    def __init__(self, claim: Claim, tree: QuotaTree, now: float) -> None:
        self._claim = claim
        self._before = tree
        self._now = now

    def may(self, unit: Unit) -> bool:
        """Tell whether a unit may be taken if nothing else is."""
        return self._may(unit, unit.pods, self._before)

    def completed(self, units: Sequence[Unit], others: Sequence[Unit]) -> tuple[Unit, ...] | None:
        """Return the units with as many others as the claimant's quota takes; None if all may not be taken together."""
        tree, gone = self._before.fork(), set[ObjectKey]()
        if not all(self._take(unit, tree, gone) for unit in units):
            return None
        more: list[Unit] = []
        for unit in others:
            if self._is_enough((*units, *more), tree):
                break
            if self._take(unit, tree, gone):
                more.append(unit)
        if not self._is_enough((*units, *more), tree):
            return None
        for unit in tuple(reversed(more)):
            without = [each for each in more if each is not unit]
            if self._is_enough((*units, *without), self._after((*units, *without))):
                more = without
        return (*units, *more)

    def _after(self, units: Iterable[Unit]) -> QuotaTree:
        tree = self._before.fork()
        for pod in pods_of(units):
            if pod.queue in tree:
                tree.charge(pod.queue, pod.amounts, -1)
        return tree

    def _is_enough(self, units: Iterable[Unit], tree: QuotaTree) -> bool:
        """Tell whether the claimant may have its amounts when the units are gone from the tree."""
        claim = self._claim
        if claim.queue not in tree:
            return True
        if tree.short(claim.queue, claim.amounts):
            return False
        return not any(unit.queue == claim.queue for unit in units) or not self._borrows_more(tree)

    def _borrows_more(self, tree: QuotaTree) -> bool:
        """Tell whether with its amounts the claimant's queue would borrow more than it did before."""
        claim = self._claim
        tree.charge(claim.queue, claim.amounts)
        more = any(tree.borrowed(claim.queue, key) > self._before.borrowed(claim.queue, key) for key in claim.amounts)
        tree.charge(claim.queue, claim.amounts, -1)
        return more

    def _take(self, unit: Unit, tree: QuotaTree, gone: set[ObjectKey]) -> bool:
        """Take a unit from the tree if that may be, after what is gone already."""
        left = [pod for pod in unit.pods if pod.key not in gone]
        if not left:
            return True
        if not self._may(unit, left, tree):
            return False
        gone.update(pod.key for pod in left)
        for pod in left:
            if pod.queue in tree:
                tree.charge(pod.queue, pod.amounts, -1)
        return True

    def _may(self, unit: Unit, pods: Sequence[Holder], tree: QuotaTree) -> bool:
        mine, theirs = self._claim.queue, unit.queue
        is_lower = unit.priority < self._claim.priority
        if theirs in tree and self._now - unit.since < tree.rules(theirs).minimum_runtime_seconds:
            return False
        if not mine or theirs not in tree:
            return not mine and is_lower
        if mine == theirs:
            return is_lower and tree.rules(mine).preemption == LOWER_PRIORITY
        policy = tree.rules(mine).reclaim
        if policy == NEVER or (policy == LOWER_PRIORITY and not is_lower):
            return False
        return self._is_lent(theirs, pods, tree, fair=policy == FAIR_SHARE)

    def _is_lent(self, theirs: str, pods: Sequence[Holder], tree: QuotaTree, *, fair: bool) -> bool:
        """Tell whether what the pods use is the claimant's, or more than a fair share."""
        claim = self._claim
        mine_path, their_path = tree.path(claim.queue), tree.path(theirs)
        common = _common(mine_path, their_path)
        if not common or common in {len(mine_path), len(their_path)}:
            return False
        claimant, giver = mine_path[common], their_path[common:]
        wanted = {
            key
            for key, amount in claim.amounts.items()
            if amount > 0 and key in tree.limited(theirs) and any(pod.amounts.get(key, 0) for pod in pods)
        }
        borrows = {key for key in wanted if all(tree.borrowed(each, key) for each in giver)}
        if not borrows:
            return False
        if tree.is_within(claimant, claim.amounts):
            return True
        gives = _total(pods)
        spare = all(tree.borrowed(each, key) >= gives[key] for each in giver for key in wanted)
        return fair and spare and self._leaves_more(claimant, giver[0], gives, tree)

    def _leaves_more(self, claimant: str, giver: str, gives: Mapping[str, int], tree: QuotaTree) -> bool:
        """Tell whether the giver would still have no smaller share than the claimant."""
        less = {key: -amount for key, amount in gives.items()}
        return tree.share(giver, less) >= tree.share(claimant, self._claim.amounts)


def pods_of(units: Iterable[Unit]) -> list[Holder]:
    """Return the pods of some units, each once."""
    return list({pod.key: pod for unit in units for pod in unit.pods}.values())


def _total(pods: Iterable[Holder]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for pod in pods:
        total.update(pod.amounts)
    return total


def _keys(units: Iterable[Unit]) -> frozenset[ObjectKey]:
    return frozenset(pod.key for unit in units for pod in unit.pods)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many queues two ways from the root have in common."""
    n_common = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        n_common += 1
    return n_common


def _smallest_prefix(units: Sequence[Unit], room: Room) -> Sequence[Unit] | None:
    """Return the first units, as few as make room for the claimant on the nodes."""
    if room.nodes_for(frozenset()) is not None:
        return ()
    if not units or room.nodes_for(_keys(units)) is None:
        return None
    low, high = 0, len(units)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if room.nodes_for(_keys(units[:middle])) is not None else (middle, high)
    return units[:high]


def _spared(units: Sequence[Unit], room: Room) -> list[Unit]:
    """Return the units without those that can stay: first all that are nowhere near, then one by one."""
    used = room.nodes_for(_keys(units)) or frozenset()
    kept = [unit for unit in units if any(pod.node in used for pod in unit.pods)]
    if room.nodes_for(_keys(kept)) is None:
        kept = list(units)
    for unit in tuple(reversed(kept))[:TRIALS]:
        without = [each for each in kept if each is not unit]
        if room.nodes_for(_keys(without)) is not None:
            kept = without
    return kept
