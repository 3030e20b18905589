"""When each node's lease was last seen to be renewed, and which are overdue. Pure.

What counts is when we saw the renewal, by our own clock, as node-lifecycle does it: the time in a lease is the node's,
which may be wrong. And whoever hears nothing does not know who is silent: a node is overdue only if a renewal of some
other lease came after its own should have. Leaders of the control plane renew theirs every two seconds, so this costs
no time there; in a cluster of few nodes without such leases it may take one more turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from kubewright.signals.nodes import MOST_SILENCES, RENEW_SECONDS, SILENT_SECONDS

_GAP_SECONDS = 12.0
"""Whoever has heard nothing for so long was deaf."""


@dataclass(slots=True)
class Leases:
    """Who was heard when."""

    silent: dict[str, float] = field(default_factory=dict[str, float])
    """Who is overdue, and when it was heard last."""
    _silences: dict[str, deque[float]] = field(default_factory=dict[str, "deque[float]"])
    """When each that was ever silent became so of late."""
    _heard: dict[str, float] = field(default_factory=dict[str, float])
    """Nodes, in the order in which they were heard."""
    _last: float | None = None
    """When anything was heard."""
    _others: bool = False
    """Whether there are leases that are not nodes'."""

    def hear(self, name: str, now: float) -> bool:
        """Note that a node has renewed its lease; return whether it was taken for silent."""
        self._note(now)
        self._heard.pop(name, None)
        self._heard[name] = now
        return self.silent.pop(name, None) is not None

    def hear_other(self, now: float) -> None:
        """Note that somebody who is not a node has renewed a lease."""
        self._others = True
        self._note(now)

    def forget(self, name: str) -> None:
        """Forget a node that has no lease any more."""
        self._heard.pop(name, None)
        self.silent.pop(name, None)
        self._silences.pop(name, None)

    def silences(self, name: str) -> Sequence[float]:
        """Return when a node became silent of late, the first first."""
        return tuple(self._silences.get(name, ()))

    def overdue(self, now: float, nodes: int) -> list[str]:
        """Return which of so many nodes have become silent."""
        alone = nodes == 1 and not self._others
        found: list[str] = []
        for name, at in self._heard.items():
            if now - at < SILENT_SECONDS:
                break
            heard_since = self._last is not None and self._last >= at + RENEW_SECONDS
            if (heard_since or alone) and name not in self.silent:
                found.append(name)
        self.silent |= {name: self._heard[name] for name in found}
        for name in found:
            self._silences.setdefault(name, deque(maxlen=MOST_SILENCES)).append(now)
        return found

    def _note(self, now: float) -> None:
        """Give everybody time to be heard after we were deaf."""
        if self._last is not None and now - self._last > _GAP_SECONDS:
            self._heard = self.silent | {name: now for name in self._heard if name not in self.silent}
        self._last = now
