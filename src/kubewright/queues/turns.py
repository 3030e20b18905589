"""Whose turn it is: past use that fades, shares level by level, and queues that borrow nothing for a while.

Everything takes `now`, in seconds since 1970; the same calls in the same order give the same turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.queues.tree import QuotaTree

Shares: TypeAlias = tuple[tuple[float, str], ...]
Turn: TypeAlias = tuple[bool, Shares]
MOST_BACKOFFS = 16
"""A back-off is at most so many times the first."""


class History:
    """What each queue used on average of late: what lies a half-life back counts for half."""

    def __init__(self) -> None:
        self._past: dict[str, dict[str, float]] = {}
        self._at: float | None = None
        self.version = 0
        """How often time has passed."""

    def of(self, tree: QuotaTree, queue: str) -> Mapping[str, float] | None:
        """Return what a queue used on average; None for one that forgets at once."""
        return self._past.get(queue, {}) if tree.rules(queue).half_life_seconds else None

    def advance(self, tree: QuotaTree, now: float) -> None:
        """Let the time pass since the last call, during which each queue used what it uses now."""
        passed = 0.0 if self._at is None else max(now - self._at, 0.0)
        self._at = now
        self.version += 1
        for queue in tree:
            half_life = tree.rules(queue).half_life_seconds
            if not half_life:
                continue
            kept = 0.5 ** (passed / half_life)
            past = self._past.setdefault(queue, {})
            for key in sorted(tree.limited(queue)):
                past[key] = past.get(key, 0.0) * kept + tree.used(queue, key) * (1 - kept)
        for gone in [each for each in self._past if each not in tree]:
            del self._past[gone]


@dataclass(frozen=True, slots=True)
class _Backoff:
    until: float
    times: int


class Backoffs:
    """Queues that something was taken from lately: they borrow nothing until their time."""

    def __init__(self) -> None:
        self._held: dict[str, _Backoff] = {}
        self._asked_at = 0.0

    def hold(self, tree: QuotaTree, queue: str, now: float) -> None:
        """Begin a back-off: twice as long as the last, unless that was long ago."""
        seconds = tree.rules(queue).backoff_seconds
        if not seconds:
            return
        last = self._held.get(queue)
        is_new = last is None or now > last.until + seconds * MOST_BACKOFFS
        times = 1 if last is None or is_new else min(last.times * 2, MOST_BACKOFFS)
        self._held = {each: held for each, held in self._held.items() if each in tree}  # others are gone
        self._held[queue] = _Backoff(now + seconds * times, times)

    def until(self, queue: str, now: float) -> float | None:
        """Return until when a queue borrows nothing; None if it may."""
        held = self._held.get(queue)
        return held.until if held is not None and held.until > now else None

    def ended(self, now: float) -> bool:
        """Tell whether a back-off has ended since this was last asked."""
        before, self._asked_at = self._asked_at, now
        return any(before < each.until <= now for each in self._held.values())


class Turns:
    """Ranks queues by `turn`, and remembers what has not changed since."""

    def __init__(self, tree: QuotaTree, history: History) -> None:
        self._tree = tree
        self._history = history
        self._known: dict[str, tuple[object, Shares]] = {}

    def turn(self, queue: str, amounts: Mapping[str, int]) -> Turn:
        """Return by what a queue's next pod is ranked among those of other queues: the smallest is first.

        Whoever needs nothing but its own is before those that would borrow; then, from the root down, whoever has the
        smaller share of what its tree has, by weight.
        """
        tree, path = self._tree, self._tree.path(queue)
        stamp = (tree.version(queue), self._history.version)
        known = self._known.get(queue)
        if known is None or known[0] != stamp:
            known = self._known[queue] = stamp, tuple(self._share(each) for each in path[1:])
        return not tree.is_within(queue, amounts), (self._share(path[0]), *known[1])

    def _share(self, queue: str) -> tuple[float, str]:
        return self._tree.share(queue, past=self._history.of(self._tree, queue)), queue
