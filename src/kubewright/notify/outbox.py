"""What waits for one channel: the same of one incident once, so many a minute, and in a storm one summary. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from kubewright.notify.notification import Notification

MINUTE = 60.0
MOST_WAITING, MOST_REMEMBERED = 500, 5000


@dataclass(slots=True)
class Outbox:
    """One channel's. Times are in seconds since 1970."""

    per_minute: int
    repeat_after_seconds: float
    dropped: int = 0
    """How many were given up, since too many waited."""
    _waiting: deque[Notification] = field(default_factory=deque[Notification])
    _told_at: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    _sent_at: deque[float] = field(default_factory=deque[float])

    def offer(self, told: Notification, now: float) -> bool:
        """Take something in; tell whether it is news."""
        mark = (told.incident, told.state)
        last = self._told_at.get(mark)
        if last is not None and now - last < self.repeat_after_seconds:
            return False
        # Another state of an incident makes those before it news again: open, resolved, open.
        for other in [each for each in self._told_at if each[0] == told.incident]:
            del self._told_at[other]
        if len(self._told_at) >= MOST_REMEMBERED:
            del self._told_at[next(iter(self._told_at))]
        self._told_at[mark] = now
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(told)
        return True

    def take(self, now: float) -> tuple[Notification, ...]:
        """Return what goes as one message now: one, or all that waits where it is the last of this minute."""
        left = self._left(now)
        if not self._waiting or left <= 0:
            return ()
        count = len(self._waiting) if left == 1 or len(self._waiting) > self.per_minute else 1
        self._sent_at.append(now)
        return tuple(self._waiting.popleft() for _ in range(count))

    def put_back(self, told: tuple[Notification, ...]) -> None:
        """Have what could not be delivered wait again, before the rest."""
        self._waiting.extendleft(reversed(told))

    def wait_seconds(self, now: float) -> float | None:
        """Return after how long something can go; None if nothing waits."""
        if not self._waiting:
            return None
        return 0.0 if self._left(now) > 0 else max(self._sent_at[0] + MINUTE - now, 0.01)

    def _left(self, now: float) -> int:
        while self._sent_at and now - self._sent_at[0] >= MINUTE:
            self._sent_at.popleft()
        return self.per_minute - len(self._sent_at)
