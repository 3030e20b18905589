"""Load as it was recorded: counts of requests by time, as a CSV file has them, laid over steps of 15 seconds."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from kubewright.scaling.queueing import STEP_SECONDS

_LONGEST_SECONDS = 3600.0
_FEWEST_ROWS, _MOST_COUNT = 2, 1e12
_MOST_STEPS = 5760 * 400


class SeriesError(ValueError):
    """A file is no series of counts; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Mean arrivals a step, from a start in seconds since 1970."""

    start: float
    means: NDArray[np.float64]

    def step_at(self, time: float) -> int:
        """Return the step that holds a time; the first or the one after the last for times outside."""
        return min(max(int((time - self.start) // STEP_SECONDS), 0), len(self.means))

    def arrivals(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return arrivals that come by themselves, as requests do: counts over a minute hide their bursts."""
        return rng.poisson(self.means).astype(float)


def read_series(lines: Iterable[str]) -> Recorded:
    """Read rows of time (ISO 8601; UTC where it names no zone) and count, under a header; raises SeriesError.

    Rows are as far apart as the first two; those that are missing are filled in between their neighbours.
    """
    times: list[float] = []
    counts: list[float] = []
    for number, row in enumerate(csv.reader(lines), start=1):
        if number == 1 or not row:
            continue
        time, count = _read(row, number)
        if times and time <= times[-1]:
            raise SeriesError(f"line {number}: times do not rise")
        times.append(time)
        counts.append(count)
    if len(times) < _FEWEST_ROWS:
        raise SeriesError("a series has a header and at least two rows of time and count")
    every = times[1] - times[0]
    if not STEP_SECONDS <= every <= _LONGEST_SECONDS:
        raise SeriesError(f"rows are 15 seconds to an hour apart, not {every:g} seconds")
    ends = times[-1] + every
    steps = int((ends - times[0]) // STEP_SECONDS)
    if steps > _MOST_STEPS:
        raise SeriesError("a series covers at most 400 days")
    # A row's count is spread evenly over its time.
    middles = times[0] + (np.arange(steps) + 0.5) * STEP_SECONDS
    rows = np.floor((middles - times[0]) / every) * every + times[0]
    return Recorded(times[0], np.interp(rows, times, counts) * (STEP_SECONDS / every))


def _read(row: list[str], number: int) -> tuple[float, float]:
    try:
        read = datetime.fromisoformat(row[0])
        count = float(row[1])
    except (ValueError, IndexError):
        raise SeriesError(f"line {number}: {','.join(row)[:60]!r} is no time and count") from None
    if not 0 <= count < _MOST_COUNT:
        raise SeriesError(f"line {number}: {row[1]} is no count")
    zoned = read if read.tzinfo else read.replace(tzinfo=UTC)
    return zoned.timestamp(), count
