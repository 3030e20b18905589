"""Rows of bars for a terminal: how a figure went, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def bars(values: Sequence[float], most: float = 0.0) -> str:
    """Draw a bar a value; the highest of them, or one of `most`, is full."""
    most = most or max(values, default=0.0) or 1.0
    return "".join(_BARS[round(min(max(value / most, 0.0), 1.0) * (len(_BARS) - 1))] for value in values)


def narrowed(values: Sequence[float], columns: int) -> list[float]:
    """Return at most so many values: the highest of each of as many equal parts."""
    if len(values) <= columns:
        return list(values)
    edges = [place * len(values) // columns for place in range(columns + 1)]
    return [max(values[left:right]) for left, right in pairwise(edges)]
