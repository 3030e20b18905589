"""What would let a queue have what it is short of: single changes, each tried on the tree before it is told. Pure.

The scheduler puts the first two on the pod's condition, `kubewright why` shows all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kubewright.queues.rules import NO_LIMIT_OF_ITS_OWN, Limit, QueueRules, write_quota
from kubewright.queues.tree import QuotaTree, Shortage

TOLD_AT_MOST = 2


def helps(tree: QuotaTree, queue: str, amounts: Mapping[str, int], *, divisible: bool = True) -> tuple[str, ...]:
    """Return what would let the queue have the amounts, the simplest first; nothing if it may have them.

    `divisible` is whether asking for less comes into question: not for a gang, which runs whole.
    """
    short = tree.short(queue, amounts)
    if not short:
        return ()
    return tuple(_helps(tree, queue, amounts, short, divisible=divisible))


def advice(found: Sequence[str]) -> str:
    """Return the first few of what helps as one sentence; nothing if nothing does."""
    return f"{', or '.join(found[:TOLD_AT_MOST])}." if found else ""


def borrowers(tree: QuotaTree, queue: str, short: Sequence[Shortage]) -> tuple[str, ...]:
    """Return who borrows what the queue is short of, in words, who borrows most first."""
    root = tree.path(queue)[0]
    found: list[tuple[int, str]] = []
    for each in short:
        for other in tree:
            if other != queue and tree.path(other)[0] == root and tree.direct(other, each.key):
                amount = min(tree.borrowed(other, each.key), tree.direct(other, each.key))
                if amount:
                    found.append((-amount, f"queue {other} borrows {write_quota(each.key, amount)} {each.key}"))
    return tuple(text for _, text in sorted(found))


def _helps(
    tree: QuotaTree, queue: str, amounts: Mapping[str, int], short: Sequence[Shortage], *, divisible: bool
) -> Iterator[str]:
    more = {each.key: each.wanted - each.left for each in short}
    if not tree.under(_raised(tree, queue, more)).short(queue, amounts):
        yield f"{_written(more, 'more ')} of queue {queue}'s quota"
    for name in reversed(tree.path(queue)):
        higher = _borrowing(tree, name, more)
        if higher and not tree.under({**tree.all_rules, name: higher}).short(queue, amounts):
            limits = {
                key: higher.limits[key].borrowing or 0 for key in more if higher.limits[key].borrowing is not None
            }
            yield f"a borrowingLimit of {_written(limits)} for queue {name}"
    if divisible and all(each.left > 0 for each in short):
        yield f"request {_written({each.key: each.left for each in short})} at most"


def _raised(tree: QuotaTree, queue: str, more: Mapping[str, int]) -> Mapping[str, QueueRules]:
    rules = tree.rules(queue)
    limits = dict(rules.limits)
    for key, amount in more.items():
        limit = limits.get(key, NO_LIMIT_OF_ITS_OWN)
        limits[key] = replace(limit, nominal=limit.nominal + amount)
    return {**tree.all_rules, queue: replace(rules, limits=limits)}


def _borrowing(tree: QuotaTree, queue: str, more: Mapping[str, int]) -> QueueRules | None:
    """Return a queue's rules with as much more of borrowing; None if nothing limits that there."""
    rules = tree.rules(queue)
    limits: dict[str, Limit] = dict(rules.limits)
    for key, amount in more.items():
        limit = limits.setdefault(key, NO_LIMIT_OF_ITS_OWN)
        if limit.borrowing is not None:
            limits[key] = replace(limit, borrowing=limit.borrowing + amount)
    return replace(rules, limits=limits) if limits != rules.limits else None


def _written(amounts: Mapping[str, int], word: str = "") -> str:
    return " and ".join(f"{write_quota(key, amount)} {word}{key}" for key, amount in sorted(amounts.items()))
