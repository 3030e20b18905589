"""Cron schedules: when they are next due. Pure.

The language and its messages are those of the parser that Kubernetes uses (robfig/cron's standard one): five fields
with names, lists, ranges and steps, `@daily` and its like, `@every 1h30m`, and a leading `TZ=`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

_FIELDS = 5
_MACROS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905  a list of words
_DAYS = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}  # noqa: SIM905
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+|[-+]?0")
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_ZONED = re.compile(r"(?:CRON_)?TZ=(\S*) (.*)", re.DOTALL)
_YEARS = 5
"""A date that has not come by then, such as February 30, never will."""


@dataclass(frozen=True, slots=True)
class _Values:
    """What a field allows; `free` when it was left open with a star."""

    allowed: frozenset[int]
    free: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """A schedule by the clock on the wall of a time zone."""

    minutes: _Values
    hours: _Values
    days: _Values
    months: _Values
    weekdays: _Values
    zone: tzinfo = UTC

    def next_after(self, seconds: float) -> float | None:
        """Return the first due time after `seconds`, both since 1970, or None when there is none."""
        at = float(int(seconds) + 1)
        last_year = datetime.fromtimestamp(at, self.zone).year + _YEARS
        while True:
            local = datetime.fromtimestamp(at, self.zone)
            if local.year > last_year:
                return None
            if local.month not in self.months.allowed:
                at = _midnight(local, local.year + local.month // 12, local.month % 12 + 1, 1)
            elif not self._on_day(local):
                tomorrow = local.date() + timedelta(days=1)
                at = max(_midnight(local, tomorrow.year, tomorrow.month, tomorrow.day), at + 1)
            elif local.hour not in self.hours.allowed:
                at += 3600 - local.minute * 60 - local.second
            elif local.minute not in self.minutes.allowed or local.second:
                at += 60 - local.second
            else:
                return at

    def _on_day(self, local: datetime) -> bool:
        by_date, by_weekday = local.day in self.days.allowed, local.isoweekday() % 7 in self.weekdays.allowed
        both = self.days.free or self.weekdays.free
        return (by_date and by_weekday) if both else (by_date or by_weekday)


@dataclass(frozen=True, slots=True)
class Every:
    """A steady interval of whole seconds."""

    interval_seconds: int

    def next_after(self, seconds: float) -> float:
        """Return the next due time after `seconds` since 1970."""
        return float(int(seconds) + self.interval_seconds)


Schedule: TypeAlias = Fields | Every


def _midnight(local: datetime, year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=local.tzinfo).timestamp()


def load_zone(name: str) -> tzinfo:
    """Return a time zone of the IANA's; raises ValueError."""
    if name in {"", "UTC"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def parse_cron(text: str) -> Schedule:
    """Read a schedule; raises ValueError with what is wrong."""
    if not text:
        raise ValueError("empty spec string")
    zone: tzinfo = UTC
    if text.startswith(("TZ=", "CRON_TZ=")):
        zoned = _ZONED.fullmatch(text)
        if zoned is None:
            raise ValueError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
        try:
            zone = load_zone(zoned[1])
        except ValueError as error:
            raise ValueError(f"provided bad location {zoned[1]}: {error}") from error
        text = zoned[2].strip()
    if text.startswith(_EVERY):
        return Every(max(int(parse_duration(text.removeprefix(_EVERY))), 1))
    if text.startswith("@"):
        if text not in _MACROS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _MACROS[text]
    fields = text.split()
    if len(fields) != _FIELDS:
        raise ValueError(f"expected exactly {_FIELDS} fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = fields
    return Fields(
        _field(minutes, range(60)),
        _field(hours, range(24)),
        _field(days, range(1, 32)),
        _field(months, range(1, 13), _MONTHS),
        _field(weekdays, range(7), _DAYS),
        zone,
    )


@lru_cache(maxsize=4096)
def parse_duration(text: str) -> float:
    """Read a duration as Go writes it (`1h30m`) in seconds; raises ValueError with what is wrong."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"failed to parse duration {_EVERY}{text}: {_duration_problem(text)}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return -seconds if text.startswith("-") else seconds


def _duration_problem(text: str) -> str:
    if re.fullmatch(r"[-+]?[\d.]+", text) and re.search(r"\d", text):
        return f'time: missing unit in duration "{text}"'
    odd = re.fullmatch(r"[-+]?(?:[\d.]+(?:ns|us|µs|ms|s|m|h))*[\d.]*\d[\d.]*([^\d.]+).*", text)
    return f'time: unknown unit "{odd[1]}" in duration "{text}"' if odd else f'time: invalid duration "{text}"'


def _field(text: str, bounds: range, names: Mapping[str, int] | None = None) -> _Values:
    ranges = [_range(each, bounds, names or {}) for each in text.split(",") if each]
    allowed = frozenset(number for each in ranges for number in each.allowed)
    return _Values(allowed, any(each.free for each in ranges))


def _range(text: str, bounds: range, names: Mapping[str, int]) -> _Values:
    span, *steps = text.split("/")
    low, *high = span.split("-")
    star = low in {"*", "?"}
    first, last = (bounds[0], bounds[-1]) if star else _ends(text, low, high, names)
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    step = _integer(steps[0]) if steps else 1
    if steps and not high:
        last = bounds[-1]
    if first < bounds[0]:
        raise ValueError(f"beginning of range ({first}) below minimum ({bounds[0]}): {text}")
    if last > bounds[-1]:
        raise ValueError(f"end of range ({last}) above maximum ({bounds[-1]}): {text}")
    if first > last:
        raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if not step:
        raise ValueError(f"step of range should be a positive number: {text}")
    return _Values(frozenset(range(first, last + 1, step)), star and step == 1)


def _ends(text: str, low: str, high: list[str], names: Mapping[str, int]) -> tuple[int, int]:
    first = _number(low, names)
    if len(high) > 1:
        raise ValueError(f"too many hyphens: {text}")
    return first, _number(high[0], names) if high else first


def _number(text: str, names: Mapping[str, int]) -> int:
    named = names.get(text.lower())
    return _integer(text) if named is None else named


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?\d+", text, re.ASCII):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
