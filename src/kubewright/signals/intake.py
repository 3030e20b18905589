"""The way in for whoever finds signals: into those that stand, and told on where they are news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from kubewright.signals.signal import Signal, Standing


def take_in(standing: Standing, tell: Callable[[str], None], signals: Iterable[Signal]) -> int:
    """Take signals in and tell the key of each that is news; return how many there was no room for."""
    news, refused = standing.take(signals, asyncio.get_running_loop().time())
    for key in news:
        tell(key)
    return refused


@dataclass(slots=True)
class Rounds:
    """Signals of somebody who looks at all there is, again and again: what is not seen any more has ended."""

    standing: Standing
    tell: Callable[[str], None]
    _held: dict[str, Signal] = field(default_factory=dict[str, Signal])

    def take(self, found: Iterable[Signal]) -> None:
        """Take in what holds now; what held before and does no more has ended."""
        holding: Mapping[str, Signal] = {each.fingerprint: self._held.get(each.fingerprint, each) for each in found}
        ended = [replace(each, ended=True) for name, each in self._held.items() if name not in holding]
        self._held = dict(holding)
        take_in(self.standing, self.tell, [*ended, *holding.values()])
