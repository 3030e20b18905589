"""How much of what is its own each queue has, and for whom, as one value: what keeps taking from going in circles.

`reclaim` asks it for claimants that come back after they were pushed aside. In each queue, from the deepest ones up to
the root, what is its own is had by the most important pods that fit into it, and of one priority by those that began
first; what is left over counts one level higher. Values compare level by level, and on each level from the highest
priority down.

Whoever is placed where there is room raises the value or leaves it: it has what nobody more important had. So as long
as everybody who takes raises it, the same pods never come to be where they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.queues.charges import summed
from kubewright.queues.tree import QuotaTree
from kubewright.queues.units import Unit

Standing: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]
"""By level, the deepest first: priorities, the highest first, each with how much its pods have of their own."""
_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """What is had or not as one: a pod, or as many of a gang as it needs."""

    queue: str
    amounts: Mapping[str, int]
    priority: int
    since: float


def shares_of(units: Iterable[Unit]) -> list[Share]:
    """Return what some units have; a gang's excess by itself."""
    listed = list(units)
    excess = {pod.key for unit in listed if unit.is_excess for pod in unit.pods}
    found: list[Share] = []
    for unit in listed:
        pods = [pod for pod in unit.pods if unit.is_excess or pod.key not in excess]
        found.append(
            Share(unit.queue, summed(pod.amounts for pod in pods), unit.priority, max(pod.since for pod in pods))
        )
    return found


def standing(tree: QuotaTree, shares: Iterable[Share]) -> Standing:
    """Return what the queues have of their own when the shares, and nobody else, have what is there."""
    own = tree.empty()
    left = sorted((each for each in shares if each.queue in tree), key=lambda each: (-each.priority, each.since))
    paths = {queue: tree.path(queue) for queue in tree}
    levels: list[tuple[tuple[int, int], ...]] = []
    for depth in reversed(range(max(map(len, paths.values()), default=0))):
        having: dict[int, int] = {}
        over: list[Share] = []
        for each in left:
            path = paths[each.queue]
            if depth < len(path) and _fits(own, path[depth], each):
                having[each.priority] = having.get(each.priority, 0) + _worth(tree, each)
            else:
                over.append(each)
        levels.append(tuple(having.items()))
        left = over
    return tuple(levels)


def _fits(own: QuotaTree, ancestor: str, share: Share) -> bool:
    """Count a share if with it the queue, or the one above it, has no more than what is its own."""
    own.charge(share.queue, share.amounts)
    if not any(own.borrowed(ancestor, key) for key in share.amounts):
        return True
    own.charge(share.queue, share.amounts, -1)
    return False


def _worth(tree: QuotaTree, share: Share) -> int:
    """Return how much a share is of what there is, in whole parts: sums do not depend on their order."""
    limited = tree.limited(share.queue)
    return 1 + sum(
        amount * _PARTS // max(tree.whole(share.queue, key), 1)
        for key, amount in share.amounts.items()
        if key in limited
    )
