"""What the metrics of all policies ask for, worked out at once over columns of all pods. Pure.

The rules are those of `scaling.usage`, for pods as most policies have them: all are measured, and count. Whatever is
not so simple is left to the policy's own turn, which asks `metrics`; a property holds the one against the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kubewright.api.meta import ObjectKey
from kubewright.autoscaler.columns import MILLI, Column, Floats, LatencyColumns, Mask, Places
from kubewright.autoscaler.readings import Readings
from kubewright.autoscaler.rows import NUMBERS, Asks, Kind, Layout, Row
from kubewright.scaling.usage import Proposal
from kubewright.series.protocol import Missing, Signal

SILENT = -1
"""In place of a number of pods: of a latency that nobody measured, which says nothing as long as others speak."""
_EXACT = 2.0**53
"""Whole numbers below this are floats, too."""
_WHOLE = 100
_MOST_REPLICAS = 2.0**31 - 1


class _Found(NamedTuple):
    """What metrics of one kind ask for: arrays with an entry for each of them."""

    good: Mask
    """Whether it was worked out."""
    replicas: Floats
    average: Floats
    share: Floats | float = math.nan


@dataclass(frozen=True, slots=True)
class Table:
    """One round's proposals. Arrays have an entry for each metric, those of a policy beside each other."""

    layout: Layout
    place_of: Mapping[ObjectKey, int]
    good: Mask
    replicas: Floats
    average: Floats
    """In thousandths, or what else the metric is measured in."""
    share: Floats
    """In per cent; NaN of what is none."""

    def row(self, key: ObjectKey) -> Row | None:
        """Return a policy's row, if it has one."""
        place = self.place_of.get(key)
        return None if place is None else self.layout.rows[place]

    def proposals(self, key: ObjectKey) -> list[Proposal | None]:
        """Return what each of a policy's metrics asks for; None of what its own turn must work out."""
        place = self.place_of[key]
        first = self.layout.firsts.item(place)
        span = slice(first, first + self.layout.counts.item(place))
        columns = (self.good[span], self.replicas[span], self.average[span], self.share[span])
        return [
            Proposal(int(replicas), int(average), None if math.isnan(share) else int(share))
            if good and replicas != SILENT
            else None
            for good, replicas, average, share in zip(*(each.tolist() for each in columns), strict=True)
        ]


def worked_out(layout: Layout, readings: Readings, now: float) -> Table:
    """Return the proposals of all metrics."""
    size = int(layout.counts.sum())
    good, replicas, average = np.zeros(size, np.bool_), np.zeros(size), np.zeros(size)
    share = np.full(size, math.nan)
    for kind, asks in layout.kinds.items():
        found = _found(layout, kind, asks, readings, now)
        if found is not None:
            within = found.good & (np.abs(found.average) < _EXACT) & (found.replicas < _EXACT)
            good[asks.at], replicas[asks.at], average[asks.at], share[asks.at] = within, *found[1:]
    place_of = {each.policy.key: place for place, each in enumerate(layout.rows)}
    return Table(layout, place_of, good, replicas, average, share)


def _found(layout: Layout, kind: Kind, asks: Asks, readings: Readings, now: float) -> _Found | None:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if not isinstance(kind, Signal):
            return _of_numbers(layout, asks, readings) if kind == NUMBERS else None
        if kind is Signal.LATENCY:
            latency = readings.latency
            return None if isinstance(latency, Missing) else _of_latency(layout, asks, latency)
        column = readings.signals.get(kind)
        if column is None or isinstance(column, Missing):
            return None
        return _of_pods(layout, kind, asks, column, now)


def _of_pods(layout: Layout, kind: Signal, asks: Asks, column: Column, now: float) -> _Found:
    """Aim at a share of what pods request, or at an amount for each."""
    members, row = layout.members(column.rows), asks.row
    amounts = _taken(column.amounts, members)
    simple = _taken(column.known, members) & (np.abs(amounts) < _EXACT)
    steady = (layout.warm_from if kind is Signal.CPU else layout.up_from) <= now
    whole = steady & (np.add.reduceat(simple, layout.starts, dtype=np.int64) == layout.sizes)
    sums = np.add.reduceat(np.where(simple, amounts, 0), layout.starts)
    whole &= np.abs(sums) < 2.0**62 / _WHOLE
    sums, sizes = np.where(whole, sums, 0)[row], layout.sizes[row]
    average, of_request = sums // sizes, asks.requested > 0
    share = np.where(of_request, sums * _WHOLE // np.maximum(asks.requested, 1), math.nan)
    ratio = np.where(of_request, share, average) / asks.wanted
    # All pods count, whatever their readiness: those whose use does not are none of `whole`.
    replicas = np.where(_held(layout, asks, ratio), layout.replicas[row], np.ceil(ratio * sizes))
    if kind is Signal.GPU:
        share = (average * _WHOLE // MILLI).astype(np.float64)
    good = whole[row] & (asks.wanted > 0) & ~(np.abs(share) >= _EXACT)
    return _Found(good, replicas, average.astype(np.float64), share)


def _of_latency(layout: Layout, asks: Asks, latency: LatencyColumns) -> _Found:
    """Aim at a latency that falls as there are more pods."""
    there, sums = _buckets(layout, latency)
    last = np.zeros(len(layout.rows))
    for place in range(len(latency.bounds)):
        last = np.where(there[place], sums[place], last)
    row = asks.row
    wanted = (asks.percent / _WHOLE) * last[row]
    below_bound, below, seconds = np.zeros(len(row)), np.zeros(len(row)), np.zeros(len(row))
    done = np.zeros(len(row), np.bool_)
    for place, bound in enumerate(latency.bounds):  # as `windows.quantile` goes through them
        count, seen = sums[place][row], there[place][row] & ~done
        hit = seen & (count >= wanted)
        flat = (count == below) | (bound == math.inf)
        between = below_bound + (bound - below_bound) * (wanted - below) / (count - below)
        seconds = np.where(hit, np.where(flat, below_bound, between), seconds)
        done |= hit
        below_bound, below = np.where(seen, bound, below_bound), np.where(seen, count, below)
    value = np.where(done, seconds, below_bound) * MILLI
    found = _of_values(layout, asks, value, value / asks.wanted)
    silent = last[row] <= 0
    good = (asks.wanted > 0) & (silent | np.isfinite(value))
    return _Found(good, np.where(silent, SILENT, found.replicas), np.where(silent, 0, found.average))


def _buckets(layout: Layout, latency: LatencyColumns) -> tuple[Sequence[Mask], Sequence[Floats]]:
    """Return for each bound whether a row's pods have it, and how many of its requests were within."""
    there: list[Mask] = []
    sums: list[Floats] = []
    members = layout.members(latency.rows)
    for known, rates in zip(latency.known, latency.rates, strict=True):
        there.append(np.logical_or.reduceat(_taken(known, members), layout.starts))
        sums.append(np.add.reduceat(_taken(rates, members), layout.starts).astype(np.float64))
    return there, sums


def _of_numbers(layout: Layout, asks: Asks, readings: Readings) -> _Found:
    """Aim at a share of a number for each pod, or at one that falls as there are more."""
    said = [readings.number(each) for each in asks.queries]
    number = np.array([math.nan if isinstance(each, Missing) else each for each in said])
    value, counted = number * MILLI, layout.counted[asks.row]
    shared = _held(layout, asks, value / (asks.wanted * counted))
    replicas = np.where(shared, counted, np.ceil(np.minimum(value / asks.wanted, _MOST_REPLICAS)))
    each = np.ceil(np.minimum(value / counted, 1e18))
    alone = _of_values(layout, asks, value, value / asks.wanted)
    good = (number >= 0) & (asks.wanted > 0) & (~asks.is_average | (counted > 0))
    return _Found(
        good,
        np.where(asks.is_average, replicas, alone.replicas),
        np.where(asks.is_average, each, alone.average),
    )


def _of_values(layout: Layout, asks: Asks, value: Floats, ratio: Floats) -> _Found:
    """Aim at a number that falls as there are more pods."""
    wanted = np.ceil(np.minimum(ratio * layout.ready[asks.row], _MOST_REPLICAS))
    replicas = np.where(_held(layout, asks, ratio), layout.replicas[asks.row], wanted)
    return _Found(np.isfinite(value), replicas, np.ceil(np.minimum(value, 1e18)))


def _held(layout: Layout, asks: Asks, ratio: Floats) -> Mask:
    return (layout.least[asks.row] <= ratio) & (ratio <= layout.most[asks.row])


def _taken(column: NDArray[Any], members: Places) -> NDArray[Any]:
    """Return what members have in a column, 0 of those that have no row in it."""
    found = np.zeros(len(members), column.dtype)
    there = (members >= 0) & (members < len(column))
    found[there] = column[members[there]]
    return found
