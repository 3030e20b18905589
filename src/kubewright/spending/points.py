"""Series of a store, by the part of a time that each point is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from kubewright.series.protocol import Series

Told: TypeAlias = Sequence[Series]
Key: TypeAlias = tuple[str, ...]
"""The values of some labels."""
Values: TypeAlias = Mapping[Key, float]


class Point(NamedTuple):
    """What a series says of one part."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Parts:
    """A time in parts of one length. A point at the end of a part is about that part."""

    start: int
    seconds: int
    count: int

    def by_key(self, told: Told, *names: str) -> dict[int, dict[Key, list[Point]]]:
        """Return the points of each part by the values of labels, of which several series may have the same."""
        found: dict[int, dict[Key, list[Point]]] = {}
        for series in told:
            key = key_of(series, names)
            for at, value in series.points:
                found.setdefault(self._part(at), {}).setdefault(key, []).append(Point(series.labels, value))
        return found

    def values(self, told: Told, *names: str) -> dict[int, dict[Key, float]]:
        """Return the values of each part by the values of labels, which no two series share."""
        found: dict[int, dict[Key, float]] = {}
        for series in told:
            key = key_of(series, names)
            for at, value in series.points:
                found.setdefault(self._part(at), {})[key] = value
        return found

    def within(self, part: int, began: float | None, ended: float | None) -> int:
        """Return for how many seconds of a part something was there that began and ended then."""
        first = self.start + part * self.seconds
        begin = first if began is None else max(first, began)
        end = first + self.seconds if ended is None else min(first + self.seconds, ended)
        return max(round(end - begin), 0)

    def _part(self, at: float) -> int:
        return round((at - self.start) / self.seconds) - 1


def key_of(series: Series, names: Sequence[str]) -> Key:
    """Return the values of a series' labels."""
    return tuple(series.labels.get(name, "") for name in names)


def latest(told: Told, *names: str) -> dict[Key, float]:
    """Return the last value by the values of labels."""
    return {key_of(each, names): each.points[-1][1] for each in told}
