"""What the agents of nodes say by their leases, and when each was heard. Pure.

What counts is when a renewal was seen here, by our own clock. An agent that was silent for long may have told its
neighbours that the API server is away (after 40 s, where more than 30 are a gap here): until when it may have is
remembered, since it bears on what may be concluded from a neighbour's silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubewright.api.coordination import Lease
from kubewright.api.nodeagent import LOOK_SECONDS, RENEW_SECONDS, UNREACHED, read_names, self_fencing_seconds

FRESH_SECONDS = RENEW_SECONDS + 2 * LOOK_SECONDS
"""A renewal comes up to one look later than it is due, and takes its time to be seen."""
_SPEED = 1.05
"""Clocks differ in speed by far less."""
_MARGIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Word:
    """What the agent of one node said last."""

    lease: Lease
    heard_at: float
    """When that renewal was seen."""
    gap_until: float
    """When its last long silence ended; 0 if it had none."""


@dataclass(frozen=True, slots=True)
class Views:
    """What a node's observers say of it, of those that are heard themselves."""

    lost: tuple[str, ...]
    reached: tuple[str, ...]


@dataclass(slots=True)
class Agents:
    """All of them, by node."""

    words: dict[str, Word] = field(default_factory=dict[str, Word])

    def hear(self, node: str, lease: Lease, now: float) -> None:
        """Take in a lease that was written; only a renewal is a sign of life."""
        old = self.words.get(node)
        if old is not None and old.lease.spec.renew_time == lease.spec.renew_time:
            self.words[node] = Word(lease, old.heard_at, old.gap_until)
            return
        gap = old is not None and now - old.heard_at > FRESH_SECONDS
        self.words[node] = Word(lease, now, now if gap else old.gap_until if old is not None else 0.0)

    def forget(self, node: str) -> None:
        """Forget an agent whose lease is gone."""
        self.words.pop(node, None)

    def is_fresh(self, node: str, now: float) -> bool:
        """Tell whether an agent is heard."""
        word = self.words.get(node)
        return word is not None and now - word.heard_at <= FRESH_SECONDS

    def views(self, node: str, observers: Sequence[str], now: float) -> Views:
        """Return what those say of a node that look at it."""
        fresh = [each for each in observers if self.is_fresh(each, now)]
        lost = tuple(each for each in fresh if node in self._unreached(each))
        return Views(lost, tuple(each for each in fresh if each not in lost))

    def _unreached(self, observer: str) -> tuple[str, ...]:
        return read_names(self.words[observer].lease.metadata.annotations.get(UNREACHED, ""))

    def ended_at(self, node: str, neighbours: Sequence[str], now: float) -> float | None:
        """Return when nothing runs on a node any more by its agent's promise; None where nothing says so.

        It counts only while at least half of the node's neighbours have been heard without a gap ever since: else they
        may have told it that the API server is away, and it goes on.
        """
        word = self.words.get(node)
        seconds = self_fencing_seconds(word.lease) if word is not None else None
        if word is None or seconds is None:
            return None
        steady = sum(self.is_fresh(each, now) and self.words[each].gap_until < word.heard_at for each in neighbours)
        if not neighbours or steady * 2 < len(neighbours):
            return None
        return word.heard_at + seconds * _SPEED + _MARGIN_SECONDS
