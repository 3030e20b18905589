"""When a fault is in force: pure arithmetic on its schedule. All times are in seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.twin.faults.fault import Phase, Schedule


@dataclass(frozen=True, slots=True)
class Window:
    """Where a fault stands in its schedule."""

    phase: Phase
    occurrence: int = 0
    """How often it has come into force, the present time included."""
    since: float | None = None
    until: float | None = None
    next_start: float | None = None

    @property
    def turns_at(self) -> float | None:
        """Return when this is no longer so; None for never."""
        return self.until if self.phase == "InForce" else self.next_start


def window(schedule: Schedule, created_at: float, now: float) -> Window:
    """Return where a fault that was created then stands now; the first second of a time is in force, its end is not."""
    first = created_at + schedule.start_after_seconds
    if now < first:
        return Window("Pending", next_start=first)
    period, lasts = schedule.period_seconds, schedule.duration_seconds
    if lasts is None:
        return Window("InForce", 1, first)
    number = int((now - first) // period) if period else 0
    number = min(number, (schedule.times or number + 1) - 1)
    since = first + number * (period or 0)
    following = _following(schedule, number, since)
    if now < since + lasts:
        return Window("InForce", number + 1, since, since + lasts, following)
    return Window("Over" if following is None else "Waiting", number + 1, next_start=following)


def _following(schedule: Schedule, number: int, since: float) -> float | None:
    last = schedule.times is not None and number + 1 >= schedule.times
    return None if schedule.period_seconds is None or last else since + schedule.period_seconds
