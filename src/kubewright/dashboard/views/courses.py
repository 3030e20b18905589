"""Lines over time, of what a store remembers: how releases use up their budget, how load and pods went. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from re import Pattern
from typing import NamedTuple

import msgspec

from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import ObjectKey
from kubewright.series.protocol import Missing, Sample, Series, Signal, Span, Vector
from kubewright.workloads.rollout.budget import FAILING_BURN, burn_rate
from kubewright.workloads.rollout.readings import Served, served

MOST_RELEASES = 4
"""Of the latest that took requests: more lines tell nothing."""


class Line(msgspec.Struct, frozen=True):
    """One line: a value for each time, nothing where it is not known."""

    name: str
    values: tuple[float | None, ...]


class Mark(msgspec.Struct, frozen=True):
    """What happened at a moment."""

    at: float
    what: str


class Course(msgspec.Struct, frozen=True, omit_defaults=True):
    """Lines that share their times, in seconds since 1970."""

    at: tuple[float, ...] = ()
    lines: tuple[Line, ...] = ()
    shares: tuple[Line, ...] = ()
    """Of a release: which share of the requests it took, 0 to 1."""
    marks: tuple[Mark, ...] = ()
    bound: float = 0.0
    """What must not be exceeded; 0 for nothing."""
    unit: str = ""
    missing: str = ""
    """Why there is nothing."""


def times(span: Span) -> tuple[float, ...]:
    """Return the moments that a span is asked about."""
    count = int((span.end - span.start) / span.step_seconds + 1e-6) + 1
    return tuple(span.start + step * span.step_seconds for step in range(count))


def trimmed(course: Course) -> Course:
    """Return a course without the moments before anything is known."""
    lines = (*course.lines, *course.shares)
    known = (at for at in range(len(course.at)) if any(line.values[at] is not None for line in lines))
    first = next(known, len(course.at))

    def cut(lines: Sequence[Line]) -> tuple[Line, ...]:
        return tuple(Line(line.name, line.values[first:]) for line in lines)

    return msgspec.structs.replace(course, at=course.at[first:], lines=cut(course.lines), shares=cut(course.shares))


def summed(name: str, series: Iterable[Series], span: Span) -> Line:
    """Return the sum of some series at each moment."""
    values: list[float | None] = [None] * _places(span)
    for each in series:
        for place, _, value in _placed(each, span):
            values[place] = (values[place] or 0.0) + value
    return Line(name, tuple(values))


def counted(name: str, series: Iterable[Series], span: Span) -> Line:
    """Return of how many pods something was measured at each moment."""
    pods: list[set[ObjectKey]] = [set() for _ in range(_places(span))]
    for each in series:
        for place, _, _ in _placed(each, span):
            pods[place].add(each.pod)
    return Line(name, tuple(float(len(found)) if found else None for found in pods))


def load_course(signal: Signal, series: Sequence[Series], names: Pattern[str], span: Span) -> tuple[Line, Line]:
    """Return the load of the pods that are named so, and how many of them there were."""
    mine = [each for each in series if names.fullmatch(each.pod.name)]
    return summed(signal.value, mine, span), counted("pods that were measured", mine, span)


class Told(NamedTuple):
    """What a store said of a namespace's pods, as means over a window at each moment of a span."""

    series: Mapping[Signal, Sequence[Series] | Missing]
    span: Span
    window_seconds: float


def burn_course(
    app: AppService, release_of: Callable[[ObjectKey], str], names: Mapping[str, str], told: Told
) -> Course:
    """Return how many times the sustainable rate each release of an application used its error budget at.

    `release_of` tells of a pod which release it is of, empty for one of somebody else; `names` how releases are called.
    """
    span, window_seconds = told.span, told.window_seconds
    places = _places(span)
    samples: dict[Signal, list[list[Sample]]] = {}
    pods: dict[str, set[ObjectKey]] = {}
    for signal, series in told.series.items():
        found = samples[signal] = [[] for _ in range(places)]
        for each in series if not isinstance(series, Missing) else ():
            if not (release := release_of(each.pod)):
                continue
            pods.setdefault(release, set()).add(each.pod)
            for place, at, value in _placed(each, span):
                found[place].append(Sample(each.labels, value, at))
    state = app.status.rollout
    stable = state.stable if state is not None else ""
    drawn = [name for name in names if name in pods][-MOST_RELEASES:]
    burns: dict[str, list[float | None]] = {name: [] for name in drawn}
    shares: dict[str, list[float | None]] = {name: [] for name in drawn}
    for place in range(places):
        answers = {(signal, window_seconds): Vector(tuple(found[place])) for signal, found in samples.items()}
        readings = {name: served(answers, pods[name], window_seconds, window_seconds) for name in drawn}
        everything = sum(map(_requests, readings.values()))
        for name, mine in readings.items():
            burn = burn_rate(app.spec.slo, mine, readings.get(stable, mine))
            burns[name].append(None if isinstance(burn, Missing) else burn)
            shares[name].append(_requests(mine) / everything if everything > 0 else None)
    return Course(
        times(span),
        tuple(Line(names[name], tuple(values)) for name, values in burns.items()),
        tuple(Line(names[name], tuple(values)) for name, values in shares.items()),
        bound=FAILING_BURN,
    )


def _requests(reading: Served) -> float:
    return 0.0 if isinstance(reading.requests, Missing) else reading.requests.value


def _places(span: Span) -> int:
    return len(times(span))


def _placed(series: Series, span: Span) -> Iterator[tuple[int, float, float]]:
    """Yield which of a span's moments each point is of, with its time and its value; others are left out."""
    places = _places(span)
    for at, value in series.points:
        place = round((at - span.start) / span.step_seconds)
        if 0 <= place < places:
            yield place, at, value
