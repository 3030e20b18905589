"""How much a load may grow until pods that are asked for now are ready: a quantile, learned from the load itself.

What is forecast is growth: the most that arrives in any step before the next pods could come, over what arrives now.
It is regressed, as a quantile, on what announced growth before: the trends of the last minutes, and how the load grew
at this time of day on earlier days. Recent days weigh more. A load near or above all that was seen is told as novel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.scaling.regression import quantile_regression

STEPS_A_DAY = 5760
"""Steps of 15 seconds."""
_DAYS_BACK = (1, 2, 3, 7)
_AROUND = 15
"""What happened within so many minutes of the same time of day may happen again now."""
_ROW_EVERY, _FIT_EVERY = 8, STEPS_A_DAY // 4
_LEARNED_DAYS, _KEPT_DAYS, _HALF_LIFE_DAYS = 10, 15, 4.0
_NOISE = 10.0
"""Requests a step: where there are few more, growth says little."""
_MINUTE, _HOUR = 4, 60
"""A minute has so many steps, and an hour so many of those."""
_TRENDS = ((4, 8, 4), (8, 8, 32), (20, 20, 100))
"""The mean of so many steps over that of those further back: how many, from how far back, of how many."""
_FIRST_GROWTH = math.log(1.5)
"""Until there is a day to learn from."""
_NOVEL = 0.8
_PEAK_AGE = 2
"""The highest level of so many hours past does not count yet."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forecast:
    """A load in requests a step: its level, and what it will hardly exceed within the horizon."""

    level: float
    upper: float
    is_novel: bool
    """Whether the level is near, or above, all that was seen until two hours ago."""


class GrowthForecast:
    """Takes in a load step by step. Deterministic; it remembers fifteen days."""

    def __init__(self, horizon_steps: int, quantile: float) -> None:
        """Look so many steps ahead; the load shall stay below `upper` in this share of cases."""
        if horizon_steps < 1 or not 0 < quantile < 1:
            raise ValueError("a forecast looks at least one step ahead, for a quantile between 0 and 1")
        self._horizon, self._quantile = horizon_steps, quantile
        self._counts = _Series(STEPS_A_DAY)
        self._minutes, self._growth = _Series(STEPS_A_DAY // _MINUTE), _Series(STEPS_A_DAY // _MINUTE)
        self._rows: list[tuple[int, Array]] = []
        self._peaks: list[float] = []
        """The highest level of each hour."""
        self._highest = 0.0
        """Of all hours that count."""
        self._earlier: tuple[int, tuple[float, float, float]] = (-1, (0.0, 0.0, 0.0))
        """Of which minute it is, and what earlier days say of it: the day before, the most and the mean."""
        self._weights: Array | None = None
        self._fitted_at = -_FIT_EVERY

    def observe(self, count: float) -> None:
        """Take in what arrived in the next step; what is no count is taken as the one before it."""
        counts = self._counts
        counts.append(count if math.isfinite(count) and count >= 0 else counts.last)
        now = counts.end
        if now % _MINUTE == 0:
            self._learn_growth(now)
        if now % _ROW_EVERY == 0:
            self._rows.append((now, self._features()))
            del self._rows[: -_LEARNED_DAYS * STEPS_A_DAY // _ROW_EVERY]

    def forecast(self) -> Forecast:
        """Return what the load may become."""
        now = self._counts.end
        if now - self._fitted_at >= _FIT_EVERY:
            self._weights, self._fitted_at = self._fit(), now
        level = self._level(now)
        growth = _FIRST_GROWTH if self._weights is None else float(self._features() @ self._weights)
        upper = max(math.exp(growth) * (level + _NOISE) - _NOISE, level)
        return Forecast(level, upper, self._weights is None or level > _NOVEL * self._highest)

    def _level(self, now: int) -> float:
        return self._counts.mean(now - _MINUTE, now)

    def _learn_growth(self, now: int) -> None:
        """Take in the last minute, and by how much the load rose within the horizon after an earlier one."""
        minutes, growth, ahead = self._minutes, self._growth, math.ceil(self._horizon / _MINUTE)
        minutes.append(self._counts.mean(now - _MINUTE, now))
        if minutes.end > growth.end + ahead:
            highest = minutes.highest(growth.end + 1, growth.end + 1 + ahead)
            growth.append(max(_log(highest) - _log(minutes.at(growth.end)), 0.0))
        if minutes.end % _HOUR == 0:
            self._peaks.append(minutes.highest(minutes.end - _HOUR, minutes.end))
            del self._peaks[: -_KEPT_DAYS * 24]
            self._highest = max(self._peaks[:-_PEAK_AGE], default=0.0)

    def _features(self) -> Array:
        now, mean = self._counts.end, self._counts.mean
        level = self._level(now)
        found = [1.0, 1 / math.sqrt(level + _NOISE)]
        for recent, back, before in _TRENDS:
            trend = _log(mean(now - recent, now)) - _log(mean(now - back - before, now - back))
            found += [trend, max(trend, 0.0)]
        return np.array([*found, *self._growth_earlier(now // _MINUTE)])

    def _growth_earlier(self, minute: int) -> tuple[float, float, float]:
        """Return how the load grew at this time on earlier days, which is asked several times a minute."""
        if self._earlier[0] != minute:
            earlier = [self._growth_around(minute - days * STEPS_A_DAY // _MINUTE) for days in _DAYS_BACK]
            self._earlier = minute, (earlier[0], max(earlier), sum(earlier) / len(earlier))
        return self._earlier[1]

    def _growth_around(self, minute: int) -> float:
        return self._growth.highest(minute - _AROUND, minute + _AROUND)

    def _fit(self) -> Array | None:
        """Regress the growth that came on what announced it."""
        now, counts = self._counts.end, self._counts
        known = [(at, row) for at, row in self._rows if at + self._horizon <= now]
        if len(known) < STEPS_A_DAY // _ROW_EVERY:
            return None
        came = [_log(counts.highest(at, at + self._horizon)) - _log(self._level(at)) for at, _ in known]
        ages = (now - np.array([at for at, _ in known])) / STEPS_A_DAY
        rows = np.stack([row for _, row in known])
        return quantile_regression(rows, np.array(came), self._quantile, 0.5 ** (ages / _HALF_LIFE_DAYS))


def _log(count: float) -> float:
    return math.log(count + _NOISE)


class _Series:
    """Numbers by step, of which the latest fifteen days are kept; those that are not kept, or not there yet, are 0."""

    def __init__(self, a_day: int) -> None:
        self._kept = _KEPT_DAYS * a_day
        self._values = np.zeros(2 * self._kept)
        self._sums = np.zeros(2 * self._kept + 1)
        self._first = self.end = 0

    @property
    def last(self) -> float:
        return self.at(self.end - 1)

    def append(self, value: float) -> None:
        place = self.end - self._first
        if place == len(self._values):
            self._values[: self._kept] = self._values[self._kept :]
            self._sums[: self._kept + 1] = self._sums[self._kept :] - self._sums[self._kept]
            self._first += self._kept
            place = self._kept
        self._values[place] = value
        self._sums[place + 1] = self._sums[place] + value
        self.end += 1

    def at(self, step: int) -> float:
        return float(self._values[step - self._first]) if self._first <= step < self.end else 0.0

    def mean(self, start: int, end: int) -> float:
        start, end = self._places(start, end)
        return float(self._sums[end] - self._sums[start]) / (end - start) if end > start else 0.0

    def highest(self, start: int, end: int) -> float:
        start, end = self._places(start, end)
        return float(self._values[start:end].max()) if end > start else 0.0

    def _places(self, start: int, end: int) -> tuple[int, int]:
        return max(start - self._first, 0), max(min(end, self.end) - self._first, 0)
