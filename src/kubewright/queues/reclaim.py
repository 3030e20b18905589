"""Whom a queue may take room from, and as few of them as will do. Pure: nobody is evicted here.

    own queue       units of lower priority
    other queues    units of those that borrow, so that the claimant has what is its own; under the policy FairShare
                    also what they borrow beyond their own, if they would still have no smaller share than the claimant

What may be taken is worked out from the common ancestor of the two queues: on the way down to the one that gives, every
queue must use more than its own. A claim that would still not fit takes nothing.

Rights that each make sense do not add up to an order: one gives to a queue what another takes from it again. So who was
pushed aside and comes back takes only if queues then have more of what is their own than before, or more important pods
have it (`standing`). Everybody takes at most once without that: that is why taking ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from kubewright.api.crds.queue import FAIR_SHARE, LOWER_PRIORITY, NEVER
from kubewright.api.meta import ObjectKey
from kubewright.queues.charges import summed
from kubewright.queues.standing import Share, shares_of, standing
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
    is_back: bool = False
    """Whether it ran already and was pushed aside."""


class Room(Protocol):
    """The nodes, for trying."""

    def nodes_for(self, without: frozenset[ObjectKey]) -> frozenset[str] | None:
        """Return where the claimant would be if some pods were gone; None if it would still not fit."""
        ...


def reclaim(claim: Claim, tree: QuotaTree, units: Iterable[Unit], room: Room, now: float) -> tuple[Unit, ...] | None:
    """Return what must go so that the claimant fits; None if nothing that may be taken would do."""
    listed = tuple(units)
    trial = _Trial(claim, tree, now)
    may = [
        each for each in sorted(listed, key=lambda each: (each.queue == claim.queue, *each.order)) if trial.may(each)
    ]
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
        if found and (not claim.queue or not claim.is_back or _raises(claim, tree, listed, found)):
            return found
    return None


def _raises(claim: Claim, tree: QuotaTree, units: Iterable[Unit], gone: Iterable[Unit]) -> bool:
    """Tell whether the queues would have more of their own with the claimant, and without the units that go."""
    taken = _keys(gone)
    before, after = list(units), list[Unit]()
    for unit in before:
        pods = tuple(pod for pod in unit.pods if pod.key not in taken)
        if pods:
            after.append(Unit(pods, unit.is_excess))
    claimed = Share(claim.queue, claim.amounts, claim.priority, inf)
    return standing(tree, [*shares_of(after), claimed]) > standing(tree, shares_of(before))


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
            if not self._is_short(tree):
                break
            if self._take(unit, tree, gone):
                more.append(unit)
        if self._is_short(tree):
            return None
        for unit in tuple(reversed(more)):
            without = [each for each in more if each is not unit]
            if not self._is_short(self._after((*units, *without))):
                more = without
        return (*units, *more)

    def _after(self, units: Iterable[Unit]) -> QuotaTree:
        tree = self._before.fork()
        for pod in pods_of(units):
            if pod.queue in tree:
                tree.charge(pod.queue, pod.amounts, -1)
        return tree

    def _is_short(self, tree: QuotaTree) -> bool:
        claim = self._claim
        return claim.queue in tree and bool(tree.short(claim.queue, claim.amounts))

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
        gives = summed(pod.amounts for pod in pods)
        spare = all(tree.borrowed(each, key) >= gives.get(key, 0) for each in giver for key in wanted)
        return fair and spare and self._leaves_more(claimant, giver[0], gives, tree)

    def _leaves_more(self, claimant: str, giver: str, gives: Mapping[str, int], tree: QuotaTree) -> bool:
        """Tell whether the giver would still have no smaller share than the claimant."""
        less = {key: -amount for key, amount in gives.items()}
        return tree.share(giver, less) >= tree.share(claimant, self._claim.amounts)


def pods_of(units: Iterable[Unit]) -> list[Holder]:
    """Return the pods of some units, each once."""
    return list({pod.key: pod for unit in units for pod in unit.pods}.values())


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
