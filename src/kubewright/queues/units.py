"""What can be taken away as one: a gang whole, one of its pods beyond those that it needs, or a pod by itself.

Reclaim and preemption take units and nothing else, which is why no gang is ever left in half.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.meta import ObjectKey


@dataclass(frozen=True, slots=True)
class Holder:
    """A pod that has a node."""

    key: ObjectKey
    node: str
    queue: str
    """Empty for a pod without one."""
    amounts: Mapping[str, int]
    """By `quota_key`."""
    priority: int
    since: float
    """When it got its node, in seconds since 1970."""
    gang: Hashable = None
    is_protected: bool = False
    """Whether a disruption budget forbids that it goes."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Pods that go together."""

    pods: tuple[Holder, ...]
    is_excess: bool = False
    """Whether it is a pod that its gang can do without."""

    @property
    def queue(self) -> str:
        """Return the queue that its pods belong to: gangs live in one namespace."""
        return self.pods[0].queue

    @property
    def priority(self) -> int:
        """Return the highest of its pods' priorities."""
        return max(pod.priority for pod in self.pods)

    @property
    def since(self) -> float:
        """Return when the last of its pods got its node."""
        return max(pod.since for pod in self.pods)

    @property
    def order(self) -> tuple[bool, bool, int, float, ObjectKey]:
        """Return by what it is taken before others: least is lost by the unimportant, and by what began last."""
        protected = any(pod.is_protected for pod in self.pods)
        return protected, not self.is_excess, self.priority, -self.since, self.pods[0].key


def units_of(holders: Iterable[Holder], needed: Mapping[Hashable, int]) -> list[Unit]:
    """Return the units of some pods, in the order in which they are to be taken.

    `needed` says how many pods a gang must keep; one that is short of that already goes whole.
    """
    found: list[Unit] = []
    gangs: dict[Hashable, list[Holder]] = {}
    for holder in holders:
        if holder.gang is None:
            found.append(Unit((holder,)))
        else:
            gangs.setdefault(holder.gang, []).append(holder)
    for gang, members in gangs.items():
        found += _units_of_gang(members, needed.get(gang, len(members)))
    return sorted(found, key=lambda each: each.order)


def _units_of_gang(members: Sequence[Holder], needed: int) -> list[Unit]:
    ordered = sorted(members, key=lambda each: (each.priority, -each.since, each.key))
    n_excess = max(len(ordered) - max(needed, 1), 0)
    return [Unit(tuple(ordered)), *(Unit((each,), is_excess=True) for each in ordered[:n_excess])]
