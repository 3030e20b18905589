"""The way in for whoever finds signals: into those that stand, and told on where they are news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from kubewright.signals.signal import Signal, Standing


def take_in(standing: Standing, tell: Callable[[str], None], signals: Iterable[Signal]) -> int:
    """Take signals in and tell the key of each that is news; return how many there was no room for."""
    news, refused = standing.take(signals, asyncio.get_running_loop().time())
    for key in news:
        tell(key)
    return refused
