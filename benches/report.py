"""The one form in which benchmarks report: for people a line each, for programs a JSON object as the last line.

A result compares ours with a peer that was measured in the same run, alternating, since machines differ and drift.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One case. `ratio` is ours over the peer's; `spread` is (highest - lowest) over the median of ours."""

    case: str
    unit: str
    ours: float
    peer: float | None
    peer_name: str
    ratio: float | None
    spread: float
    goal: str
    met: bool


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
    peer: Sequence[float] = (),
    peer_name: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
) -> Result:
    """Return the medians of repeated measures, judged by a goal on ours."""
    median = statistics.median(ours)
    other = statistics.median(peer) if peer else None
    bounds = ((">=", at_least), ("<=", at_most))
    goal = ", ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)
    met = (at_least is None or median >= at_least) and (at_most is None or median <= at_most)
    return Result(
        case=case,
        unit=unit,
        ours=round(median, 3),
        peer=None if other is None else round(other, 3),
        peer_name=peer_name,
        ratio=round(median / other, 3) if other else None,
        spread=round((max(ours) - min(ours)) / median, 3) if median else 0.0,
        goal=goal,
        met=met,
    )


def report(bench: str, results: Sequence[Result]) -> None:
    """Print the results, as JSON last."""
    for each in results:
        peer = f", {each.peer_name} {each.peer:,.1f} (x{each.ratio})" if each.peer is not None else ""
        verdict = f", goal {each.goal}: {'met' if each.met else 'missed'}" if each.goal else ""
        print(f"{each.case}: {each.ours:,.1f} {each.unit}{peer}, spread {each.spread:.0%}{verdict}")
    print(json.dumps({"bench": bench, "results": [asdict(each) for each in results]}))
