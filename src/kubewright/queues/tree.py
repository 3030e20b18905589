"""The tree of queues with what is used: how much each may still have, and whose it is.

    what a subtree has     its own nominal quota, and what its children lend it
    what it keeps          what lies above its lending limit: nobody else may use that
    what it uses           of what it keeps first; the rest counts for its parent, and so on to the root

So a queue may have what it keeps, and beyond that what its parent can spare, up to its borrowing limit. Admission asks
`short`, and charges what was placed; reclaim tries on a `fork`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kubewright.queues.rules import NO_LIMIT_OF_ITS_OWN, Limit, QueueRules, write_quota


@dataclass(frozen=True, slots=True)
class Shortage:
    """What is missing of one thing."""

    key: str
    wanted: int
    left: int
    most: int
    """What the queue could have if nobody used anything."""

    def __str__(self) -> str:
        """Say it: `needs 8 nvidia.com/gpu, 3 left of 32`."""
        key = self.key
        wanted, left, most = (write_quota(key, each) for each in (self.wanted, max(self.left, 0), self.most))
        return f"needs {wanted} {key}, {left} left of {most}"


class _Node:
    """One queue in the tree."""

    __slots__ = ("children", "keeps", "limits", "parent", "rules", "subtree", "total", "usage", "version", "whole")

    def __init__(self, rules: QueueRules, parent: _Node | None) -> None:
        self.rules = rules
        self.parent = parent
        self.children: list[_Node] = []
        self.limits: Mapping[str, Limit] = rules.limits
        self.subtree: dict[str, int] = {}
        self.keeps: dict[str, int] = {}
        self.whole: dict[str, int] = {}
        """Of a root: what all of its tree has, whether it is lent or kept."""
        self.total: dict[str, int] = {}
        """What the pods of this queue and of those below it use."""
        self.usage: dict[str, int] = {}
        """What counts here: that, and what its children use beyond what they keep."""
        self.version = 0

    def limit(self, key: str) -> Limit:
        return self.limits.get(key, NO_LIMIT_OF_ITS_OWN)


class QuotaTree:
    """Quotas and what is used of them. Only `charge` changes it."""

    def __init__(self, rules: Mapping[str, QueueRules]) -> None:
        """Lay it out; parents are there and without cycles, as `read_queues` sees to."""
        self._rules = rules
        self._nodes: dict[str, _Node] = {}
        for name in rules:
            self._node(name)
        self._limited: dict[str, frozenset[str]] = {}
        self.changes = 0
        """How often anything was charged or given back."""
        for node in self._nodes.values():
            if node.parent is None:
                self._lay_out(node)

    def __contains__(self, queue: str) -> bool:
        return queue in self._nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    @property
    def all_rules(self) -> Mapping[str, QueueRules]:
        """Return the rules of all queues, by name."""
        return self._rules

    def rules(self, queue: str) -> QueueRules:
        """Return a queue's rules."""
        return self._nodes[queue].rules

    def path(self, queue: str) -> tuple[str, ...]:
        """Return the queues from the root down to this one."""
        names: list[str] = []
        node: _Node | None = self._nodes[queue]
        while node is not None:
            names.append(node.rules.name)
            node = node.parent
        return tuple(reversed(names))

    def version(self, queue: str) -> int:
        """Return how often anything changed that the queue's share, or one on the way to it, depends on.

        The root aside: that changes with everything in the tree.
        """
        node, total = self._nodes[queue], 0
        while node.parent is not None:
            total += node.version
            node = node.parent
        return total

    def limited(self, queue: str) -> frozenset[str]:
        """Return what is limited in the queue's tree; nothing else is."""
        return self._limited[queue]

    def empty(self) -> QuotaTree:
        """Return the same queues with nothing used."""
        return QuotaTree(self._rules)

    def under(self, rules: Mapping[str, QueueRules]) -> QuotaTree:
        """Return what would be left if the rules were others, of the same queues."""
        changed = QuotaTree(rules)
        for name, node in self._nodes.items():
            changed.charge(name, {key: self.direct(name, key) for key in node.total})
        return changed

    def fork(self) -> QuotaTree:
        """Return an independent copy."""
        copy = QuotaTree(self._rules)
        for name, node in self._nodes.items():
            other = copy._nodes[name]
            other.total, other.usage = dict(node.total), dict(node.usage)
        return copy

    def charge(self, queue: str, amounts: Mapping[str, int], sign: int = 1) -> None:
        """Count what a pod of the queue takes, or with -1 what it gives back."""
        self.changes += 1
        for key, amount in amounts.items():
            if key not in self._limited[queue]:
                continue
            change = sign * amount
            node: _Node | None = self._nodes[queue]
            while node is not None:
                node.version += 1
                node.total[key] = node.total.get(key, 0) + sign * amount
                before = node.usage.get(key, 0)
                node.usage[key] = before + change
                keeps = node.keeps.get(key, 0)
                change = max(before + change - keeps, 0) - max(before - keeps, 0)
                node = node.parent

    def used(self, queue: str, key: str) -> int:
        """Return what the queue's pods and those below it use."""
        return self._nodes[queue].total.get(key, 0)

    def direct(self, queue: str, key: str) -> int:
        """Return what the queue's own pods use, without those below it."""
        node = self._nodes[queue]
        return node.total.get(key, 0) - sum(child.total.get(key, 0) for child in node.children)

    def nominal(self, queue: str, key: str) -> int:
        """Return what is the queue's own, with what those below it lend it."""
        return self._nodes[queue].subtree.get(key, 0)

    def whole(self, queue: str, key: str) -> int:
        """Return what all of the queue's tree has, lent or kept."""
        return self._root(queue).whole.get(key, 0)

    def borrowed(self, queue: str, key: str) -> int:
        """Return how much of what the queue uses is others'."""
        node = self._nodes[queue]
        return max(node.usage.get(key, 0) - node.subtree.get(key, 0), 0)

    def left(self, queue: str, key: str) -> int | None:
        """Return how much more the queue may have; None for what is not limited."""
        if key not in self._limited[queue]:
            return None
        return _left(self._nodes[queue], key)

    def short(self, queue: str, amounts: Mapping[str, int], *, borrowing: bool = True) -> tuple[Shortage, ...]:
        """Return what the queue may not have of these amounts; with `borrowing` off it is held to what is its own."""
        found: list[Shortage] = []
        for key, wanted in amounts.items():
            if wanted <= 0 or key not in self._limited[queue]:
                continue
            node = self._nodes[queue]
            left = _left(node, key)
            if not borrowing:
                left = min(left, node.subtree.get(key, 0) - node.usage.get(key, 0))
            if wanted > left:
                most = _most(node, key) if borrowing else node.subtree.get(key, 0)
                found.append(Shortage(key, wanted, left, most))
        return tuple(sorted(found, key=lambda each: each.key))

    def is_within(self, queue: str, amounts: Mapping[str, int]) -> bool:
        """Tell whether with these amounts the queue uses no more than what is its own."""
        node, limited = self._nodes[queue], self._limited[queue]
        return all(
            node.usage.get(key, 0) + wanted <= node.subtree.get(key, 0)
            for key, wanted in amounts.items()
            if wanted > 0 and key in limited
        )

    def share(
        self, queue: str, more: Mapping[str, int] | None = None, past: Mapping[str, float] | None = None
    ) -> float:
        """Return the largest part that the queue has of anything its tree has, by its weight.

        `more` is added to what it uses; with what it used in the past the two are averaged.
        """
        root = self._root(queue)
        most = 0.0
        for key in self._limited[queue]:
            there = root.whole[key]
            used: float = self.used(queue, key) + (more.get(key, 0) if more else 0)
            if past is not None:
                used = (used + past.get(key, 0.0)) / 2
            if there > 0:
                most = max(most, used / there)
        return most / self.rules(queue).weight

    def _root(self, queue: str) -> _Node:
        node = self._nodes[queue]
        while node.parent is not None:
            node = node.parent
        return node

    def _node(self, name: str) -> _Node:
        """Return a queue's node, made after those above it."""
        chain = [name]
        while chain[-1] not in self._nodes and self._rules[chain[-1]].parent:
            chain.append(self._rules[chain[-1]].parent)
        for each in reversed(chain):
            if each not in self._nodes:
                rules = self._rules[each]
                parent = self._nodes[rules.parent] if rules.parent else None
                self._nodes[each] = node = _Node(rules, parent)
                if parent is not None:
                    parent.children.append(node)
        return self._nodes[name]

    def _lay_out(self, root: _Node) -> None:
        """Add up what each subtree has, from the leaves to the root."""
        order = [root]
        for node in order:
            order.extend(node.children)
        limited = frozenset(key for node in order for key in node.limits)
        root.whole = {key: sum(node.limit(key).nominal for node in order) for key in limited}
        for node in reversed(order):
            self._limited[node.rules.name] = limited
            for key in limited:
                lent = sum(child.subtree[key] - child.keeps[key] for child in node.children)
                limit = node.limit(key)
                node.subtree[key] = there = limit.nominal + lent
                kept = max(there - limit.lending, 0) if limit.lending is not None else 0
                node.keeps[key] = kept if node.parent is not None else 0


def _left(node: _Node, key: str) -> int:
    usage, subtree, keeps = node.usage.get(key, 0), node.subtree[key], node.keeps[key]
    if node.parent is None:
        return subtree - usage
    own = max(keeps - usage, 0)
    shared = _left(node.parent, key)
    borrowing = node.limit(key).borrowing
    if borrowing is not None:
        shared = min(shared, subtree - keeps - max(usage - keeps, 0) + borrowing)
    return own + max(shared, 0) if own else shared


def _most(node: _Node, key: str) -> int:
    subtree = node.subtree[key]
    if node.parent is None:
        return subtree
    there = node.keeps[key] + _most(node.parent, key)
    borrowing = node.limit(key).borrowing
    return there if borrowing is None else min(there, subtree + borrowing)
