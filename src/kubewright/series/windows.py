"""Windows, rates and smoothing: the one place that turns what was read into what is decided by. Pure."""

from __future__ import annotations

import bisect
import math
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from kubewright.api.meta import ObjectKey
from kubewright.series.protocol import BOUND, Missing, Vector, Why

Points: TypeAlias = Sequence[tuple[float, float]]
"""`(seconds since 1970, value)`, the earliest first."""
Buckets: TypeAlias = Sequence[tuple[float, float]]
"""`(upper bound in seconds, requests a second no slower)`, ascending; the last bound is infinite."""


@dataclass(frozen=True, slots=True)
class Total:
    """The sum over some pods, and those of them that were not measured."""

    value: float
    measured: int
    absent: tuple[ObjectKey, ...] = ()

    @property
    def mean(self) -> float:
        """Return the mean over the pods that were measured."""
        return self.value / self.measured


def total(vector: Vector | Missing, pods: Collection[ObjectKey]) -> Total | Missing:
    """Sum a signal over an application's pods; Missing when none of them was measured."""
    if isinstance(vector, Missing):
        return vector
    found = vector.by_pod()
    values = [found[pod].value for pod in pods if pod in found]
    if not values:
        return Missing(Why.NO_DATA, f"of {len(pods)} pods")
    return Total(math.fsum(values), len(values), tuple(pod for pod in pods if pod not in found))


def buckets(vector: Vector | Missing, pods: Collection[ObjectKey]) -> Buckets | Missing:
    """Sum the latency buckets of an application's pods; Missing when none of them served a request."""
    if isinstance(vector, Missing):
        return vector
    sums: dict[float, float] = {}
    wanted = frozenset(pods)
    for sample in vector.samples:
        bound = bound_of(sample.labels.get(BOUND, ""))
        if sample.pod in wanted and bound is not None:
            sums[bound] = sums.get(bound, 0.0) + sample.value
    found = sorted(sums.items())
    if not found or found[-1][0] != math.inf or found[-1][1] <= 0:
        return Missing(Why.NO_DATA, f"no requests to {len(pods)} pods")
    return found


def quantile(found: Buckets, share: float) -> float:
    """Return the latency in seconds that `share` (0 to 1) of the requests do not exceed, as `histogram_quantile` does.

    Within a bucket requests are taken to be spread evenly; what lies beyond the last finite bound counts as that bound.
    """
    wanted = share * found[-1][1]
    below_bound, below = 0.0, 0.0
    for bound, count in found:
        if count >= wanted:
            if bound == math.inf or count == below:
                return below_bound
            return below_bound + (bound - below_bound) * (wanted - below) / (count - below)
        below_bound, below = bound, count
    return below_bound


def share_within(found: Buckets, seconds: float) -> float:
    """Return the share of requests (0 to 1) that took no longer, spread evenly within a bucket."""
    everything = found[-1][1]
    below_bound, below = 0.0, 0.0
    for bound, count in found:
        if seconds < bound:
            inside = 0.0 if bound == math.inf else (count - below) * (seconds - below_bound) / (bound - below_bound)
            return (below + inside) / everything
        below_bound, below = bound, count
    return 1.0


def mean(points: Points) -> float:
    """Return the mean of the values; there must be one."""
    return math.fsum(value for _, value in points) / len(points)


@dataclass(slots=True)
class History:
    """Readings of one pod's counters over time, for a rate over a window; forgets what is older than it must know.

    A reading is a tuple of counters that only grow; one that fell has begun anew from zero, as a restart does.
    """

    keep_seconds: float
    _times: deque[float] = field(default_factory=deque[float])
    _values: deque[tuple[float, ...]] = field(default_factory=deque[tuple[float, ...]])

    def add(self, at: float, values: tuple[float, ...]) -> None:
        """Take a reading; one of the same moment replaces the last."""
        if self._times and at <= self._times[-1]:
            self._times.pop()
            self._values.pop()
        self._times.append(at)
        self._values.append(values)
        # One reading from before the window stays: the rate over the whole window needs it.
        while len(self._times) > 2 and self._times[1] <= at - self.keep_seconds:  # noqa: PLR2004  the two ends
            self._times.popleft()
            self._values.popleft()

    @property
    def last_at(self) -> float:
        """Return when the last reading was taken; there must be one."""
        return self._times[-1]

    def rates(self, window_seconds: float, end: float | None = None) -> tuple[float, ...] | None:
        """Return what each counter gained a second over the window that ends then, or with the last reading.

        Between two readings a counter grows evenly. Of a window that began before the first reading the known part
        counts; None when less than two readings belong to it.
        """
        if len(self._times) < 2:  # noqa: PLR2004  a rate has two ends
            return None
        end = self._times[-1] if end is None else min(end, self._times[-1])
        start = max(end - window_seconds, self._times[0])
        if end <= start:
            return None
        gained = [0.0] * len(self._values[-1])
        first = bisect.bisect_right(self._times, start) - 1
        for index in range(first, min(bisect.bisect_left(self._times, end), len(self._times) - 1)):
            begun, ended = self._times[index], self._times[index + 1]
            inside = (min(end, ended) - max(start, begun)) / (ended - begun)
            for each, gain in enumerate(_gains(self._values[index], self._values[index + 1])):
                gained[each] += gain * inside
        return tuple(gain / (end - start) for gain in gained)


def _gains(before: tuple[float, ...], after: tuple[float, ...]) -> Iterable[float]:
    return (new if new < old else new - old for old, new in zip(before, after, strict=True))


@lru_cache(maxsize=1024)
def bound_of(text: str) -> float | None:
    """Return the bound of a bucket by its label; None for none. The same few are read of every pod."""
    try:
        bound = float(text)
    except ValueError:
        return None
    return None if math.isnan(bound) else bound
