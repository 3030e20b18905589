"""From when to when a report is, and in which steps; times are UTC. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from kubewright.costs.budget import DAY_SECONDS, midnight, month_of

_LAST = re.compile(r"(\d{1,5})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": DAY_SECONDS, "w": 7 * DAY_SECONDS}
_GRAINS = (60, 300, 900, 3600, 10_800, 21_600)
_POINTS = 288
"""A window is looked at in about so many parts: a day by five minutes, a month by three hours."""
MOST_STEPS = 1000
MOST_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """A time that is a whole number of steps, and each step of parts of `resolution_seconds`."""

    start: int
    end: int
    step_seconds: int
    resolution_seconds: int

    @property
    def steps(self) -> Iterator[tuple[int, int]]:
        """Yield from when to when each step is; the last may be shorter."""
        for begin in range(self.start, self.end, self.step_seconds):
            yield begin, min(begin + self.step_seconds, self.end)


def parse_duration(text: str) -> int:
    """Return the seconds of `90s`, `30m`, `24h`, `7d`, `2w`; raises ValueError."""
    match = _LAST.fullmatch(text)
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r}: a duration is a number and one of s, m, h, d, w, such as 24h")
    return int(match[1]) * _SECONDS[match[2]]


def parse_window(text: str, now: float, *, step: str = "", resolution: str = "") -> Window:
    """Read a window: a duration until now, `today`, `yesterday`, `month` (this one), `lastmonth`, or `FROM,TO`.

    The window grows to whole parts, and ends no later than now. Raises ValueError.
    """
    begin, end = _ends(text, now)
    if end <= begin:
        raise ValueError(f"window {text!r}: it ends before it begins")
    wanted = parse_duration(step) if step else 0
    grain = parse_duration(resolution) if resolution else _grain(end - begin, wanted)
    if wanted % grain:
        raise ValueError(f"a step of {step} is no whole number of parts of {grain} seconds")
    last = int(min(end, now)) // grain * grain
    first = (
        int(begin) // grain * grain
        if "," in text or not _LAST.fullmatch(text)
        else last - -(-int(end - begin) // grain) * grain
    )
    if last <= first:
        raise ValueError(f"window {text!r}: nothing of it has passed")
    if (last - first) // grain > MOST_POINTS:
        raise ValueError(
            f"window {text!r}: more than {MOST_POINTS} parts of {grain} seconds; choose a coarser resolution"
        )
    found = Window(first, last, wanted or last - first, grain)
    if -(-(last - first) // found.step_seconds) > MOST_STEPS:
        raise ValueError(f"window {text!r}: more than {MOST_STEPS} steps of {step}")
    return found


def _ends(text: str, now: float) -> tuple[float, float]:
    today = midnight(now)
    match text:
        case "today":
            return today, now
        case "yesterday":
            return today - DAY_SECONDS, today
        case "month":
            return month_of(now)[0], now
        case "lastmonth":
            first = month_of(now)[0]
            return month_of(first - 1)[0], first
        case _ if "," in text:
            begin, _, end = text.partition(",")
            return _moment(begin), _moment(end)
        case _:
            return now - parse_duration(text), now


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is no date or time, such as 2026-11-01 or 2026-11-01T08:00:00Z") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _grain(seconds: float, step: int) -> int:
    """Return how long a part is: as fine as makes sense, and such that a step is a whole number of them."""
    fitting = [each for each in _GRAINS if not step or step % each == 0]
    if not fitting:
        return step
    return next((each for each in fitting if each * _POINTS >= seconds), fitting[-1])
