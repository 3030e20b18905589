"""The one form in which benchmarks report: for people a line each, for programs a JSON object as the last line.

A case is measured several times. With a peer, both are measured in turn in the same run, and what counts is the ratio
of each pair, since machines differ and drift; without one, ours is held against the goal itself.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One case. `ratio` above 1 is better than the peer; `spread` is its range, or without a peer the range of ours.

    `ours` is None when it could not be measured; `why_not` says why.
    """

    case: str
    unit: str
    ours: float | None
    peer: float | None
    peer_name: str
    ratio: float | None
    spread: tuple[float, float] | None
    goal: float | None
    met: bool | None
    why_not: str = ""


def alternate(runs: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Run the measures in turn, `runs` times, and return each one's values."""
    values: list[list[float]] = [[] for _ in measures]
    for _ in range(runs):
        for each, measure in zip(values, measures, strict=True):
            each.append(measure())
    return values


def result(
    case: str,
    unit: str,
    ours: Sequence[float],
    *,
    goal: float | None = None,
    less_is_better: bool = False,
    note: str = "",
) -> Result:
    """Return the median of repeated measures against a goal; `note` stands where a peer's name would."""
    median = statistics.median(ours)
    met = None if goal is None else (median <= goal if less_is_better else median >= goal)
    return Result(case, unit, _round(median), None, note, None, (_round(min(ours)), _round(max(ours))), goal, met)


def compared(
    case: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float],
    peer_name: str,
    *,
    goal: float | None = None,
    less_is_better: bool = False,
) -> Result:
    """Return the medians and the ratio to a peer that was measured in turn with ours; the goal is one on the ratio."""
    pairs = zip(ours, peer, strict=True)
    ratios = [theirs / mine if less_is_better else mine / theirs for mine, theirs in pairs]
    ratio = statistics.median(ratios)
    return Result(
        case,
        unit,
        _round(statistics.median(ours)),
        _round(statistics.median(peer)),
        peer_name,
        _round(ratio),
        (_round(min(ratios)), _round(max(ratios))),
        goal,
        None if goal is None else ratio >= goal,
    )


def unmeasured(case: str, unit: str, *, goal: float | None, why: str) -> Result:
    """Return a case that has no figure, and so misses any goal."""
    return Result(case, unit, None, None, "", None, None, goal, None if goal is None else False, why)


def report(bench: str, results: Sequence[Result]) -> None:
    """Print the results, as JSON last."""
    for each in results:
        verdict = "" if each.goal is None else f", goal {each.goal:,}: {'met' if each.met else 'MISSED'}"
        print(f"{each.case}: {_shown(each)}{verdict}")
    print(json.dumps({"bench": bench, "results": [asdict(each) for each in results]}))


def _shown(found: Result) -> str:
    if found.ours is None or found.spread is None:
        return found.why_not
    against = f", {found.peer_name} {found.peer:,}: x{found.ratio}" if found.ratio is not None else ""
    low, high = found.spread
    return f"{found.ours:,} {found.unit}{against} [{low:,} to {high:,}]"


def _round(value: float) -> float:
    return float(f"{value:.4g}")
