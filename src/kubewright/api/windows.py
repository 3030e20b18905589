"""Times that come again: a cron line, for how long after it, and in which time zone. Pure."""

from __future__ import annotations

from functools import lru_cache

from kubewright.api.cron import Schedule, load_zone, parse_cron

_MINUTE = 60.0


def is_open(schedule: str, duration_minutes: int, time_zone: str, now: float) -> bool:
    """Tell whether the last time that a window began is not over yet; raises ValueError for what is no schedule."""
    began = _began(schedule, duration_minutes, time_zone, now // _MINUTE)
    return began is not None and began <= now


def next_opening(schedule: str, time_zone: str, now: float) -> float | None:
    """Return when a window opens next, in seconds since 1970; None if never."""
    return _parsed(schedule, time_zone).next_after(now)


def end_of(schedule: str, duration_minutes: int, time_zone: str, now: float) -> float:
    """Return when a window that is open closes, if it does not open anew before that."""
    began = _began(schedule, duration_minutes, time_zone, now // _MINUTE)
    return now if began is None else began + duration_minutes * _MINUTE


@lru_cache(maxsize=4096)
def _began(schedule: str, duration_minutes: int, time_zone: str, minute: float) -> float | None:
    """Return the first beginning that is not over at a minute; it may be to come."""
    return _parsed(schedule, time_zone).next_after((minute - duration_minutes) * _MINUTE)


@lru_cache(maxsize=1024)
def _parsed(schedule: str, time_zone: str) -> Schedule:
    load_zone(time_zone)
    return parse_cron(f"TZ={time_zone} {schedule}")
