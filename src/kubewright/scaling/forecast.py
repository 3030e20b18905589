"""How much a load may grow until pods that are asked for now are ready: a quantile, learned from the load itself.

What is forecast is growth: the most that arrives in any step before the next pods could come, over what arrives now.
It is regressed, as a quantile, on what announced growth before: the trends of the last minutes, and how the load grew
at this time of day on earlier days. Recent days weigh more. A load near or above all that was seen is told as novel.

It is worked out for as many steps at once as there are, each from what was known then: a week that is learned, or a day
that is known beforehand, takes some hundredths of a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kubewright.scaling.regression import quantile_regression
from kubewright.scaling.steps import Array, Counts, Series, Steps

STEPS_A_DAY = 5760
"""Steps of 15 seconds."""
_DAYS_BACK = np.array((1, 2, 3, 7))
_AROUND = 15
"""What happened within so many minutes of the same time of day may happen again now."""
_ROW_EVERY, _FIT_EVERY = 8, STEPS_A_DAY // 4
_LEARNED_DAYS, _NOVEL_DAYS, _HALF_LIFE_DAYS = 10, 15, 4.0
_NOISE = 10.0
"""Requests a step: where there are few more, growth says little."""
_MINUTE, _HOUR = 4, 60
"""A minute has so many steps, and an hour so many of those."""
_MINUTES_A_DAY = STEPS_A_DAY // _MINUTE
_WINDOWS = np.array(((4, 0), (12, 8), (8, 0), (40, 8), (20, 0), (120, 20)))
"""From how far back until how far back there are means: the level's, and two for each trend, later over earlier."""
_FIRST_GROWTH = math.log(1.5)
"""Until there is a day to learn from."""
_NOVEL = 0.8
_PEAK_AGE = 2
"""The highest level of so many hours past does not count yet."""


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
        self._ahead = math.ceil(horizon_steps / _MINUTE)
        self._counts = Counts((_LEARNED_DAYS + 2) * STEPS_A_DAY)
        self._minutes = Series((_NOVEL_DAYS + 2) * _MINUTES_A_DAY)
        self._growth = Series(2 * _MINUTES_A_DAY)
        """By how much the load rose within the horizon after a minute."""
        self._around = Series((_LEARNED_DAYS + int(_DAYS_BACK.max()) + 1) * _MINUTES_A_DAY)
        """The most of that around a minute."""
        self._last = 0.0
        self._pending: list[float] = []
        """What was taken in since it was last worked out what that says."""
        self._weights: Array | None = None
        self._fitted_at = -_FIT_EVERY

    def observe(self, count: float) -> None:
        """Take in what arrived in the next step; what is no count is taken as the one before it."""
        self._pending.append(count)
        if len(self._pending) >= STEPS_A_DAY:
            self._catch_up()

    def forecast(self) -> Forecast:
        """Return what the load may become."""
        self._catch_up()
        now = self._counts.end
        self._fit_if_due(now)
        return next(self._forecasts(np.array([now])))

    def follow(self, counts: Array) -> Iterator[Forecast]:
        """Take in the next steps, and yield what is forecast after each, when nothing later is known."""
        self._catch_up()
        while len(counts):
            first = self._counts.end + 1
            until = (first if self._is_due(first) else self._fitted_at) + _FIT_EVERY
            block, counts = counts[: until - first], counts[until - first :]
            self._take(block)
            self._fit_if_due(first)
            yield from self._forecasts(np.arange(first, first + len(block)))

    def _is_due(self, now: int) -> bool:
        return now - self._fitted_at >= _FIT_EVERY

    def _fit_if_due(self, now: int) -> None:
        if self._is_due(now):
            self._weights, self._fitted_at = self._fit(now), now

    def _catch_up(self) -> None:
        if self._pending:
            self._take(np.array(self._pending))
            self._pending.clear()

    def _take(self, counts: Array) -> None:
        good = np.isfinite(counts) & (counts >= 0)
        if not good.all():
            known = np.concatenate([[self._last], counts])
            counts = known[np.maximum.accumulate(np.where(good, np.arange(1, len(known)), 0))]
        self._last = float(counts[-1])
        self._counts.extend(counts)
        if (until := self._counts.end // _MINUTE) > self._minutes.end:
            self._take_minutes(until)

    def _take_minutes(self, until: int) -> None:
        """Take in full minutes, and what they say of those before them."""
        minutes, growth, around = self._minutes, self._growth, self._around
        begins = np.arange(minutes.end, until) * _MINUTE
        minutes.extend(self._counts.means(begins, begins + _MINUTE))
        since = growth.end
        if until - self._ahead > since:
            highest = minutes.highest(since + 1, until - self._ahead + 1, self._ahead)
            came = _log(highest) - _log(minutes.between(since, until - self._ahead))
            growth.extend(np.maximum(came, 0.0))
        if growth.end - _AROUND > around.end:
            begin, end = around.end - _AROUND, growth.end - 2 * _AROUND
            around.extend(growth.highest(begin, end, 2 * _AROUND))

    def _forecasts(self, at: Steps) -> Iterator[Forecast]:
        """Yield what was to be forecast after so many steps; `at` rises."""
        features = self._features(at)
        levels = self._levels(at)
        growth = np.full(len(at), _FIRST_GROWTH) if self._weights is None else features @ self._weights
        uppers = np.maximum(np.exp(growth) * (levels + _NOISE) - _NOISE, levels)
        novel = np.full(len(at), fill_value=True) if self._weights is None else levels > _NOVEL * self._highest(at)
        for each in zip(levels.tolist(), uppers.tolist(), novel.tolist(), strict=True):
            yield Forecast(*each)

    def _highest(self, at: Steps) -> Array:
        """Return the highest minute of all hours that counted."""
        hours = at // (_MINUTE * _HOUR)
        found = [
            self._minutes.between((hour - _NOVEL_DAYS * 24) * _HOUR, (hour - _PEAK_AGE) * _HOUR).max(initial=0.0)
            for hour in range(int(hours[0]), int(hours[-1]) + 1)
        ]
        return np.array(found)[hours - hours[0]]

    def _levels(self, at: Steps) -> Array:
        return self._counts.means(at - _MINUTE, at)

    def _features(self, at: Steps) -> Array:
        """Return what announces growth, of what was known after so many steps; shape (steps, features)."""
        places = at[:, None]
        means = self._counts.means(places - _WINDOWS[:, 0], places - _WINDOWS[:, 1])
        logs = _log(means)
        trends = logs[:, ::2] - logs[:, 1::2]
        earlier = self._around.at(places // _MINUTE - _DAYS_BACK * _MINUTES_A_DAY)
        return np.column_stack(
            (
                np.ones(len(at)),
                1 / np.sqrt(means[:, 0] + _NOISE),
                trends,
                np.maximum(trends, 0.0),
                earlier[:, 0],
                earlier.max(axis=1),
                earlier.mean(axis=1),
            )
        )

    def _fit(self, now: int) -> Array | None:
        """Regress the growth that came on what announced it."""
        first = max(now // _ROW_EVERY - _LEARNED_DAYS * STEPS_A_DAY // _ROW_EVERY + 1, 1) * _ROW_EVERY
        at = np.arange(first, now - self._horizon + 1, _ROW_EVERY)
        if len(at) < STEPS_A_DAY // _ROW_EVERY:
            return None
        highest = self._counts.highest(first, int(at[-1]) + 1, self._horizon, _ROW_EVERY)
        came = _log(highest) - _log(self._levels(at))
        ages = (now - at) / STEPS_A_DAY
        return quantile_regression(self._features(at), came, self._quantile, 0.5 ** (ages / _HALF_LIFE_DAYS))


class Followed:
    """A forecast of a course that is known beforehand, asked as one that goes step by step is."""

    def __init__(self, forecast: GrowthForecast, course: Array) -> None:
        """Go on from what a forecast has taken in; `course` is what will be observed."""
        self._course = iter(course.tolist())
        self._ahead = forecast.follow(course)
        self._now: Forecast | None = None

    def observe(self, count: float) -> None:
        """Go a step on; raises ValueError if something else came."""
        if count != next(self._course, None):
            raise ValueError("what came is not what was to come")
        self._now = next(self._ahead)

    def forecast(self) -> Forecast:
        """Return what the load may become; raises ValueError before the first step."""
        if self._now is None:
            raise ValueError("nothing has come yet")
        return self._now


def _log(counts: Array) -> Array:
    return np.log(counts + _NOISE)
