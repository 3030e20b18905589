"""A quantity over time: linear between knots, constant or growing after the last, or repeating.

Everything that a simulated container does is made of these. Value, integral and the next crossing of a limit are exact
and take a binary search at most, whatever time has passed. Immutable; no clock: times are the caller's.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

DAY_SECONDS = 86400.0
_WAVE_STEPS = 48
_ALMOST = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class Curve:
    """Values at knots, `times` in ascending seconds from 0; two knots at one time are a jump.

    `period` is the last knot's time for a curve that repeats. A curve runs since its container's start, a `daily` one
    by the wall clock in UTC. All moments are in seconds since 1970, and before its start a curve is at its start.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]
    period: float | None = None
    drift: float = 0.0
    """What is added with each second, for what grows without end."""
    daily: bool = False
    _areas: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces = (
            (after - before) * (low + high) / 2
            for (before, after), (low, high) in zip(pairwise(self.times), pairwise(self.values), strict=True)
        )
        object.__setattr__(self, "_areas", (0.0, *accumulate(pieces)))

    def value(self, now: float, started_at: float = 0.0) -> float:
        """Return the value at a moment; never below 0."""
        time = self._time(now, started_at)
        return max(0.0, self._base(time) + self.drift * time)

    def integral(self, start: float, end: float, started_at: float = 0.0) -> float:
        """Return the area between two moments, `start <= end`: what a counter of this rate gains."""
        first, last = self._time(start, started_at), self._time(end, started_at)
        if last <= first:
            return 0.0
        drifted = self.drift * (last - first) * (last + first) / 2
        if self.period is None:
            return max(0.0, self._area(last) - self._area(first) + drifted)
        (rounds_before, inside_first), (rounds, inside_last) = divmod(first, self.period), divmod(last, self.period)
        whole = (rounds - rounds_before) * self._areas[-1]
        return max(0.0, whole + self._area(inside_last) - self._area(inside_first) + drifted)

    def weights(self, start: float, end: float, started_at: float = 0.0) -> dict[int, float]:
        """Return by how much each knot's value counts in the integral of a curve that does not drift, in seconds.

        So the integral of anything that is a function of the value at the knots, and linear between, is a short sum.
        """
        found: dict[int, float] = {}
        first, last = self._time(start, started_at), self._time(end, started_at)
        if self.period is None:
            self._weigh(found, first, last)
            return found
        (rounds_before, first), (rounds, last) = divmod(first, self.period), divmod(last, self.period)
        if rounds == rounds_before:
            self._weigh(found, first, last)
            return found
        self._weigh(found, first, self.period)
        self._weigh(found, 0.0, self.period, times=rounds - rounds_before - 1)
        self._weigh(found, 0.0, last)
        return found

    def _weigh(self, found: dict[int, float], first: float, last: float, *, times: float = 1.0) -> None:
        """Add the weights of a part of one round, so many times."""
        knot = bisect_right(self.times, first) - 1
        while first < last and times:
            left = self.times[knot]
            right = self.times[knot + 1] if knot + 1 < len(self.times) else math.inf
            if right > left:
                until = min(last, right)
                share = ((first + until) / 2 - left) / (right - left)
                width = (until - first) * times
                found[knot] = found.get(knot, 0.0) + width * (1 - share)
                if share:
                    found[knot + 1] = found.get(knot + 1, 0.0) + width * share
                first = until
            knot += 1

    @property
    def peak(self) -> float:
        """Return the largest value at a knot; what drifts has none beyond."""
        return max(self.values)

    def map(self, change: Callable[[float], float]) -> Curve:
        """Return the curve whose value at each knot is changed; raises ValueError for one that drifts.

        Between the knots it is linear, too, so sums of mapped curves are right everywhere if they are at the knots.
        """
        if self.drift:
            raise ValueError("a curve that grows without end has no knots to change")
        return replace(self, values=tuple(map(change, self.values)))

    def raised(self, amount: float, drift: float, now: float, started_at: float) -> Curve:
        """Return the curve for what comes after `now`, higher by an amount and growing faster by `drift` a second."""
        offset = amount - drift * self._time(now, started_at)
        return replace(self, values=tuple(value + offset for value in self.values), drift=self.drift + drift)

    def reaches(self, limit: float, now: float, started_at: float = 0.0) -> bool:
        """Tell whether the value is at a limit or above, but for rounding: true at what `next_crossing` returns."""
        return self.value(now, started_at) >= limit * _ALMOST

    def next_crossing(self, limit: float, after: float, started_at: float = 0.0) -> float | None:
        """Return the first moment from `after` on at which the value reaches `limit`; None when it never does."""
        origin = 0.0 if self.daily else started_at
        if self.reaches(limit, after, started_at):
            return max(after, origin)
        found = self._crossing(limit, self._time(after, started_at))
        return None if found is None else origin + found

    def _crossing(self, limit: float, time: float) -> float | None:
        if self.drift > 0:
            # Not before the highest knot would; from there on within a period.
            time = max(time, (limit - self.peak) / self.drift)
        period = self.period
        if period is None:
            found = self._within(limit, time, 0.0)
            return self._beyond(limit, time) if found is None else found
        begin = math.floor(time / period) * period
        for number in range(3):
            found = self._within(limit, time, begin + number * period)
            if found is not None:
                return found
        return None

    def _within(self, limit: float, time: float, begin: float) -> float | None:
        """Find the crossing after `time` among the knots of the round that begins at `begin`."""
        shifted = (begin + at for at in self.times)
        knots = [(at, value + self.drift * at) for at, value in zip(shifted, self.values, strict=True)]
        for (left, low), (right, high) in pairwise(knots):
            if right <= time or high < limit:
                continue
            rise = (limit - low) / (high - low) if low < limit else 0.0
            return max(time, left + (right - left) * rise)
        return None

    def _beyond(self, limit: float, time: float) -> float | None:
        """Find the crossing after the last knot of a curve that does not repeat."""
        if self.drift <= 0:
            return None
        return max(time, self.times[-1], (limit - self.values[-1]) / self.drift)

    def _time(self, now: float, started_at: float) -> float:
        return now if self.daily else max(0.0, now - started_at)

    def _base(self, time: float) -> float:
        if self.period is not None:
            time %= self.period
        right = bisect_right(self.times, time)
        if right >= len(self.times):
            return self.values[-1]
        return self._between(right, time)

    def _between(self, right: int, time: float) -> float:
        before, low = self.times[right - 1], self.values[right - 1]
        return low + (self.values[right] - low) * (time - before) / (self.times[right] - before)

    def _area(self, time: float) -> float:
        """Return the area from 0, within one round."""
        right = bisect_right(self.times, time)
        before, area = self.times[right - 1], self._areas[right - 1]
        if right >= len(self.times):
            return area + (time - before) * self.values[-1]
        return area + (time - before) * (self.values[right - 1] + self._between(right, time)) / 2


def constant(value: float) -> Curve:
    """Return a curve that stays."""
    return Curve((0.0,), (value,))


def growing(value: float, per_second: float) -> Curve:
    """Return a curve that grows without end."""
    return Curve((0.0,), (value,), drift=per_second)


def through(knots: Iterable[tuple[float, float]], *, repeat: bool = False, daily: bool = False) -> Curve:
    """Return a curve through `(seconds, value)`, first at 0; one that repeats begins anew at its last knot."""
    times, values = zip(*knots, strict=True)
    return Curve(times, values, times[-1] if repeat else None, daily=daily)


def wave(low: float, high: float, peak_seconds: float, period: float = DAY_SECONDS) -> Curve:
    """Return a smooth wave by the wall clock (UTC), at its highest `peak_seconds` into each period."""
    middle, half = (low + high) / 2, (high - low) / 2
    times = [period * step / _WAVE_STEPS for step in range(_WAVE_STEPS + 1)]
    return through(
        ((time, middle + half * math.cos(2 * math.pi * (time - peak_seconds) / period)) for time in times),
        repeat=True,
        daily=True,
    )


def bursts(low: float, high: float, every: float, lasting: float, delay: float = 0.0) -> Curve:
    """Return a curve that is high for `lasting` seconds of each `every`, the first time after `delay` at most."""
    begin = min(delay, every - lasting)
    end = begin + lasting
    return through(((0.0, low), (begin, low), (begin, high), (end, high), (end, low), (every, low)), repeat=True)
