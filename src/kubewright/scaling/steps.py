"""Numbers by step, of which the latest are kept: what a forecast remembers, read many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Steps = NDArray[np.int64]


class Series:
    """Numbers by step, counted from the first; those that are not kept, or not there yet, are 0."""

    def __init__(self, kept: int) -> None:
        """Keep at least so many."""
        self._kept = kept
        self._values = np.zeros(2 * kept)
        self._first = self.end = 0

    def extend(self, values: Array) -> None:
        """Take in the next ones, at most as many at once as are kept."""
        place = self.end - self._first
        if place + len(values) > len(self._values):
            self._forget(place - self._kept)
            place = self._kept
        self._values[place : place + len(values)] = values
        self.end += len(values)

    def _forget(self, count: int) -> None:
        """Drop the oldest, of all that are there; called when half of the room is not enough."""
        self._values[: self._kept] = self._values[count : count + self._kept].copy()
        self._first += count

    def at(self, steps: Steps) -> Array:
        """Return the numbers of some steps."""
        there = (steps >= self._first) & (steps < self.end)
        return np.where(there, self._values[np.where(there, steps - self._first, 0)], 0.0)

    def between(self, start: int, end: int) -> Array:
        """Return the numbers of all steps from `start` until before `end`."""
        first, last = max(start, self._first), min(end, self.end)
        if first >= last:
            return np.zeros(end - start)
        found = self._values[first - self._first : last - self._first]
        return found if last - first == end - start else np.pad(found, (first - start, end - last))

    def highest(self, start: int, end: int, width: int, every: int = 1) -> Array:
        """Return the highest of so many numbers from each of every so many steps on."""
        windows = np.lib.stride_tricks.sliding_window_view(self.between(start, end + width - 1), width)
        return windows[::every].max(axis=1)


class Counts(Series):
    """Numbers of which means are asked."""

    def __init__(self, kept: int) -> None:
        """Keep at least so many."""
        super().__init__(kept)
        self._sums = np.zeros(2 * kept + 1)

    def extend(self, values: Array) -> None:
        """Take in the next ones, at most as many at once as are kept."""
        super().extend(values)
        place = self.end - self._first
        begun = place - len(values)
        self._sums[begun : place + 1] = np.cumsum(np.concatenate([self._sums[begun : begun + 1], values]))

    def _forget(self, count: int) -> None:
        super()._forget(count)
        self._sums[: self._kept + 1] = self._sums[count : count + self._kept + 1] - self._sums[count]

    def means(self, starts: Steps, ends: Steps) -> Array:
        """Return the means from each start until before each end, of what is there of it."""
        first, last = (np.maximum(np.minimum(each, self.end) - self._first, 0) for each in (starts, ends))
        return (self._sums[last] - self._sums[first]) / np.maximum(last - first, 1)
