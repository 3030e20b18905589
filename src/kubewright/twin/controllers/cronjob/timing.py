"""Which start of a CronJob is due, and when to look again. Pure.

Of several starts that were missed only the latest counts (`utils.go`, `mostRecentScheduleTime`).
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.batch import CronJob
from kubewright.api.cron import Schedule, parse_cron
from kubewright.api.meta import parse_time

MANY = 100
DELAY_SECONDS = 0.1
"""Looks come a little late, so that no clock that goes slow makes one come too early."""


class NeverError(ValueError):
    """The schedule names a date that does not exist."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The starts between `since` and now: the latest of them, if any, and about how many there are."""

    since: float
    latest: float | None = None
    count: int = 0


def schedule_of(cron_job: CronJob) -> Schedule:
    """Return when Jobs are due; raises ValueError."""
    spec = cron_job.spec
    zone = f"TZ={spec.time_zone} " if spec.time_zone and "TZ" not in spec.schedule else ""
    return parse_cron(f"{zone}{spec.schedule}")


def missed(cron_job: CronJob, schedule: Schedule, now: float, *, within_deadline: bool = True) -> Missed:
    """Return the starts since the last one; raises NeverError."""
    status, deadline = cron_job.status, cron_job.spec.starting_deadline_seconds
    since = parse_time(status.last_schedule_time) if status.last_schedule_time else cron_job.metadata.created_at
    if within_deadline and deadline is not None:
        since = max(since, now - deadline)
    first = schedule.next_after(since)
    second = None if first is None else schedule.next_after(first)
    if first is None or second is None:
        raise NeverError("time difference between two schedules is less than 1 second")
    if now < first:
        return Missed(since)
    if now < second:
        return Missed(since, first)
    interval = second - first
    count = int((now - first) // interval) + 1
    latest: float | None = None
    at = schedule.next_after(first + (count - 2) * interval)
    while at is not None and at <= now:
        latest, at = at, schedule.next_after(at)
    return Missed(since, latest, count)


def next_look_seconds(cron_job: CronJob, schedule: Schedule, now: float) -> float:
    """Return after how long the next start is due."""
    try:
        found = missed(cron_job, schedule, now, within_deadline=False)
    except NeverError:
        base = now
    else:
        base = found.latest if found.latest is not None else (now if found.count else found.since)
    at = schedule.next_after(base)
    return 0.0 if at is None else at - now + DELAY_SECONDS
