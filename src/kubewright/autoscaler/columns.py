"""What pods do, signal by signal, as columns with one row for each pod: `measuring` fills them, once a round. Pure.

Amounts are whole numbers, thousandths and of a latency's buckets millionths, so that a sum is the same in whatever
order it is made: of one policy's pods by names, or of everybody's by rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kubewright.api.autoscaling import PodMetrics
from kubewright.scaling.podset import PodSet
from kubewright.scaling.usage import Sample, sample_of
from kubewright.series.columns import Columns
from kubewright.series.protocol import Missing, Why
from kubewright.series.windows import Buckets, bound_of

MILLI, MICRO = 1000, 10**6
MOST = 2**62
"""More fits into no column."""
_KEPT = 2
"""Rows are given out anew when there are so many times the pods that were measured."""

Amounts: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.intp]


@dataclass(slots=True)
class PodRows:
    """Which row pods have, by namespace and name. They keep it from round to round."""

    of: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def rows(self, pods: Iterable[tuple[str, str]]) -> Places:
        """Return the pods' rows, new ones for those that were not measured before."""
        of = self.of
        return np.array([of.setdefault(pod, len(of)) for pod in pods], np.intp)

    def members(self, pods: PodSet) -> list[int]:
        """Return the rows of a policy's pods; -1 for those that were never measured."""
        namespace, of = pods.namespace, self.of
        return [of.get((namespace, name), -1) for name in pods.names]

    def kept(self, measured: int) -> PodRows:
        """Return these rows, or new ones if most are of pods that are gone."""
        return self if len(self.of) <= _KEPT * measured else PodRows()


@dataclass(frozen=True, slots=True)
class Column:
    """One signal. All arrays have an entry for each row."""

    rows: PodRows
    amounts: Amounts
    """In thousandths."""
    ats: Floats
    windows: Floats
    """Over which time before `ats` it was measured, in seconds."""
    known: Mask

    @classmethod
    def filled(cls, rows: PodRows, places: Places, amounts: Amounts, ats: Floats, windows: Floats) -> Column:
        """Return the column of what was measured in these rows."""
        size = len(rows.of)
        column = cls(rows, np.zeros(size, np.int64), np.zeros(size), np.zeros(size), np.zeros(size, np.bool_))
        column.amounts[places], column.ats[places] = amounts, ats
        column.windows[places], column.known[places] = windows, True
        return column

    @property
    def measured(self) -> int:
        """How many pods were measured."""
        return int(self.known.sum())

    def of(self, pods: PodSet) -> dict[str, Sample]:
        """Return what pods do, by their names."""
        found: dict[str, Sample] = {}
        for name, row in zip(pods.names, self.rows.members(pods), strict=True):
            if 0 <= row < len(self.known) and self.known[row]:
                found[name] = Sample(self.amounts.item(row), self.ats.item(row), self.windows.item(row))
        return found


@dataclass(frozen=True, slots=True)
class LatencyColumns:
    """How many requests a second, in millionths, took no longer than each bound: arrays `(n_bounds, n_rows)`."""

    rows: PodRows
    bounds: tuple[float, ...]
    """In seconds, ascending."""
    rates: Amounts
    known: Mask

    @property
    def measured(self) -> int:
        """How many pods were measured."""
        return int(self.known.any(axis=0).sum())

    def buckets(self, pods: PodSet) -> Buckets:
        """Return the buckets of all requests to these pods."""
        members = np.array([row for row in self.rows.members(pods) if 0 <= row < self.known.shape[1]], np.intp)
        there: list[bool] = np.any(self.known[:, members], axis=1).tolist()
        sums: list[int] = np.sum(self.rates[:, members], axis=1).tolist()
        return [(bound, float(rate)) for bound, rate, has in zip(self.bounds, sums, there, strict=True) if has]


def usage(rows: PodRows, measured: Sequence[PodMetrics], resource: str, now: float, stale: float) -> Column:
    """Return the use of a resource by whole pods; what is of another time is left out."""
    found = [(each, sample) for each in measured if (sample := sample_of(each, resource, "")) is not None]
    found = [(each, sample) for each, sample in found if abs(now - sample.at) <= stale]
    places = rows.rows([(each.metadata.namespace, each.metadata.name) for each, _ in found])
    amounts = np.array([max(-MOST, min(sample.amount, MOST)) for _, sample in found], np.int64)
    ats, windows = (np.array([sample[place] for _, sample in found], np.float64) for place in (1, 2))
    return Column.filled(rows, places, amounts, ats, windows)


def signal(rows: PodRows, found: Columns, window: float, now: float, stale: float) -> Column | Missing:
    """Return a signal's column."""
    places, fresh = rows.rows(found.pods), _fresh(found, now, stale)
    if not fresh.any():
        return _stale()
    places, ats = places[fresh], found.ats[fresh]
    return Column.filled(rows, places, _whole(found.values[fresh], MILLI), ats, np.full(len(ats), window))


def latency(rows: PodRows, found: Columns, now: float, stale: float) -> LatencyColumns | Missing:
    """Return the columns of latencies."""
    labels = {text: bound for text in set(found.bounds) if (bound := bound_of(text)) is not None}
    bounds = sorted(set(labels.values()))
    place_of = {text: bounds.index(bound) for text, bound in labels.items()}
    of_bound = np.array([place_of.get(text, -1) for text in found.bounds], np.intp)
    counts, places = of_bound >= 0, rows.rows(found.pods)
    fresh = _fresh(found, now, stale)
    if not fresh.any():
        return _stale()
    counts &= fresh
    size = (len(bounds), len(rows.of))
    rates, known = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    # A bound may be written in two ways, as 1 and 1.0; then both count.
    np.add.at(rates, (of_bound[counts], places[counts]), _whole(found.values[counts], MICRO))
    known[of_bound[counts], places[counts]] = True
    return LatencyColumns(rows, tuple(bounds), rates, known)


def _fresh(found: Columns, now: float, stale: float) -> Mask:
    apart: Floats = np.abs(found.ats - now)
    return apart <= stale


def _whole(values: Floats, parts: int) -> Amounts:
    return np.clip(np.rint(values * parts), -MOST, MOST).astype(np.int64)


def _stale() -> Missing:
    return Missing(Why.STALE, "the store's clock and ours are minutes apart")
