"""What was used, as a histogram that forgets: buckets grow by a share, samples' weights halve in a half-life. Pure.

The buckets, half-lives and percentiles are the Vertical Pod Autoscaler's, so that who knows its recommendations knows
ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

GROWTH = 0.05
"""By so much is each bucket wider than the one before."""
HALF_LIFE_SECONDS = 86_400.0
_LONGEST = 100.0
"""So many half-lives may weights be apart before they are told from a later moment; 2**100 is far from overflowing."""
_EPSILON = 1e-3
"""Of the weight of one present sample: what is less is no peak any more."""
_DUST = 1e-12


class DecayingHistogram:
    """Amounts from 0 to `most`, the first bucket `first` wide."""

    __slots__ = ("_bounds", "_reference", "_weights")

    def __init__(self, first: float, most: float) -> None:
        """Begin empty; amounts beyond `most` count as that."""
        self._bounds = _bounds(first, most)
        self._weights = np.zeros(len(self._bounds))
        self._reference = 0.0

    def add(self, times: Sequence[float], values: Sequence[float], weight: float = 1.0) -> None:
        """Take samples at their times (seconds since 1970); a negative weight takes back what was taken before."""
        if not times:
            return
        at = np.asarray(times, dtype=float)
        self._refer(float(at.max()))
        places = np.searchsorted(self._bounds, np.asarray(values, dtype=float), side="right")
        places = np.minimum(places, len(self._bounds) - 1)
        weights = weight * np.exp2((at - self._reference) / HALF_LIFE_SECONDS)
        self._weights += np.bincount(places, weights, minlength=len(self._bounds))
        if weight < 0:
            np.maximum(self._weights, 0.0, out=self._weights)

    def percentile(self, share: float) -> float | None:
        """Return the upper bound of the bucket below which that share (0 to 1) of the weight is; None while empty."""
        total = float(self._weights.sum())
        if total <= 0.0:
            return None
        place = int(np.searchsorted(np.cumsum(self._weights), share * total * (1.0 - 1e-12)))
        return float(self._bounds[min(place, len(self._bounds) - 1)])

    def peak(self, now: float) -> float | None:
        """Return the upper bound of the highest bucket whose samples are not forgotten yet."""
        least = _EPSILON * math.pow(2.0, min((now - self._reference) / HALF_LIFE_SECONDS, _LONGEST))
        (found,) = np.nonzero(self._weights > least)
        return float(self._bounds[found[-1]]) if len(found) else None

    def _refer(self, latest: float) -> None:
        if latest - self._reference <= _LONGEST * HALF_LIFE_SECONDS:
            return
        before, self._reference = self._reference, latest
        # What is so much older has no weight that matters; 2**-1000 and less is zero anyhow.
        self._weights *= math.pow(2.0, max(-1000.0, (before - latest) / HALF_LIFE_SECONDS))
        self._weights[self._weights < _DUST] = 0.0


@lru_cache(maxsize=16)
def _bounds(first: float, most: float) -> npt.NDArray[np.float64]:
    """Return the upper bound of each bucket; those of a cluster's histograms are kept once."""
    buckets = math.ceil(math.log(most * GROWTH / first + 1.0, 1.0 + GROWTH)) + 1
    return (np.power(1.0 + GROWTH, np.arange(1, buckets + 1)) - 1.0) * (first / GROWTH)
