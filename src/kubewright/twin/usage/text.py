"""Reading a curve from an annotation.

250m                                   always
100Mi +1Mi/s                           growing without end (memory and storage; /s, /m or /h)
0s:100Mi 10m:1Gi                       points since the container's start, linear between, then as the last
0s:10m 30s:2 60s:10m repeat            points that repeat
diurnal 10..200 [peak=14h]             a wave by the wall clock (UTC), highest at an hour
bursty 50m..2 every=10m for=1m         high for a while, again and again
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from kubewright.api.quantity import parse_quantity
from kubewright.twin.usage.curve import DAY_SECONDS, Curve, bursts, constant, growing, through, wave

Amount: TypeAlias = Callable[[str], float]
"""Reads one value of a curve; raises ValueError."""

MAX_LENGTH = 16_384
MAX_POINTS = 1_024
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_SECONDS, "": 1.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?", re.ASCII)
_GROWTH = re.compile(r"\+(.+)/([smh])")
_LARGEST = 1e18
_LONGEST_SECONDS = 3650 * DAY_SECONDS


def quantity(text: str) -> float:
    """Read an amount as Kubernetes writes it; raises ValueError."""
    amount = parse_quantity(text)
    if not 0 <= amount <= _LARGEST:
        raise ValueError(f"{text!r}: an amount from 0 to 1E is expected")
    return float(amount)


def ratio(text: str) -> float:
    """Read `0.05` or `5%`; raises ValueError."""
    share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not (math.isfinite(share) and 0 <= share <= 1):
        raise ValueError(f"{text!r}: a share from 0 to 1, or a percentage, is expected")
    return share


def seconds(text: str) -> float:
    """Read `250ms`, `1.5s`, `10m`, `2h`, `1d`, or a number of seconds; raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r}: a duration is expected, such as 20ms, 30s, 10m, 2h or 1d")
    duration = float(match[1]) * _UNITS[match[2] or ""]
    if duration > _LONGEST_SECONDS:
        raise ValueError(f"{text!r}: ten years at most")
    return duration


def read_curve(text: str, amount: Amount = quantity, *, grows: bool = False) -> Curve:
    """Read a curve whose values `amount` reads; `grows` allows growth without end. Raises ValueError."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"{MAX_LENGTH} characters at most")
    match text.split():
        case ["diurnal", span, *options]:
            return _diurnal(*_span(span, amount), options)
        case ["bursty", span, *options]:
            return _bursty(*_span(span, amount), options)
        case [value] if ":" not in value:
            return constant(amount(value))
        case [value, growth] if grows and (match := _GROWTH.fullmatch(growth)):
            return growing(amount(value), amount(match[1]) / _UNITS[match[2]])
        case [*points, "repeat"] if points:
            return _through(points, amount, repeat=True)
        case points:
            return _through(points, amount, repeat=False)


def _through(points: Sequence[str], amount: Amount, *, repeat: bool) -> Curve:
    if not 1 <= len(points) <= MAX_POINTS:
        raise ValueError(f"1 to {MAX_POINTS} points are expected")
    knots: list[tuple[float, float]] = []
    for point in points:
        time, colon, value = point.partition(":")
        if not colon:
            raise ValueError(f"{point!r}: a point is TIME:VALUE")
        knots.append((seconds(time), amount(value)))
    if any(after[0] < before[0] for before, after in pairwise(knots)):
        raise ValueError("the times of points must ascend")
    if knots[0][0] > 0:
        knots.insert(0, (0.0, knots[0][1]))
    if repeat and knots[-1][0] <= 0:
        raise ValueError("points that repeat must end after 0s")
    return through(knots, repeat=repeat)


def _diurnal(low: float, high: float, options: Sequence[str]) -> Curve:
    given = _options(options, {"peak": 14 * 3600.0})
    return wave(low, high, given["peak"] % DAY_SECONDS)


def _bursty(low: float, high: float, options: Sequence[str]) -> Curve:
    given = _options(options, {"every": 600.0, "for": 60.0})
    if not 0 < given["for"] < given["every"]:
        raise ValueError("a burst must be shorter than every= and longer than 0")
    return bursts(low, high, given["every"], given["for"], delay=(given["every"] - given["for"]) / 2)


def _span(text: str, amount: Amount) -> tuple[float, float]:
    low, dots, high = text.partition("..")
    if not dots:
        raise ValueError(f"{text!r}: LOW..HIGH is expected")
    ends = amount(low), amount(high)
    if ends[0] > ends[1]:
        raise ValueError(f"{text!r}: LOW must not exceed HIGH")
    return ends


def _options(given: Sequence[str], defaults: dict[str, float]) -> dict[str, float]:
    read: dict[str, float] = {}
    for option in given:
        name, equals, value = option.partition("=")
        if not equals or name not in defaults or name in read:
            known = ", ".join(f"{each}=" for each in defaults)
            raise ValueError(f"{option!r}: known options are {known}")
        read[name] = seconds(value)
    return defaults | read
