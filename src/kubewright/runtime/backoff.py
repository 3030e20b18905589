"""How long to wait after a failure; the informer and the event recorder ask it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Delays that double from `first_seconds` to `limit_seconds`, each stretched by up to `jitter` of itself.

    The jitter keeps many clients from coming back at the same instant after the server was away.
    """

    first_seconds: float
    limit_seconds: float
    rng: random.Random
    jitter: float = 1.0
    _failures: int = field(default=0, init=False)

    def next_seconds(self) -> float:
        """Count one more failure and return the wait after it."""
        seconds = exponential_seconds(self._failures, self.first_seconds, self.limit_seconds)
        self._failures += 1
        return seconds * (1.0 + self.jitter * self.rng.random())

    def reset(self) -> None:
        """Start again from `first_seconds`: it worked."""
        self._failures = 0


def exponential_seconds(failures: int, first_seconds: float, limit_seconds: float) -> float:
    """Return `first * 2**failures`, at most the limit."""
    # 2.0**64 times anything sensible is past every limit; a larger exponent would overflow.
    return min(first_seconds * 2.0 ** min(failures, 64), limit_seconds)
