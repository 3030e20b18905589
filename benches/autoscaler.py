"""Replicas by a forecast against HorizontalPodAutoscalers, on the same recorded load and the same queue.

    python -m benches.autoscaler                                      # World Cup 1998, 8 to 21 June
    python -m benches.autoscaler --series FILE --from TIME --to TIME --startup 60,180,600 --rate-per-pod 25 --seeds 2

What counts is the pair of violation-minutes and replica-hours. For each start-up time: whether ours is on the Pareto
front, its minutes, its hours over those of a HorizontalPodAutoscaler at 70 %; where pods take ten minutes, both have
goals. The HorizontalPodAutoscaler is the rule that the twin's controller follows, with pods that are all alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from numpy.random import PCG64, Generator

from benches.report import Result, compared, report, result
from kubewright.scaling.backtest import Tried, Window, pareto_front, replay
from kubewright.scaling.queueing import Conditions
from kubewright.scaling.recorded import Recorded, read_series

TARGETS = (0.5, 0.6, 0.7, 0.8)
RIVAL = "hpa 70%"
SLOW_SECONDS = 600.0
GOAL_MINUTES, GOAL_OF_RIVAL = 10.0, 1.12


def measured(recorded: Recorded, window: tuple[int, int], conditions: Conditions, seeds: int) -> Iterator[Result]:
    """Replay on the arrivals of each seed."""
    tried = [
        replay(Window(recorded.arrivals(Generator(PCG64(seed))), *window), conditions, TARGETS) for seed in range(seeds)
    ]
    for each in tried[0]:
        pair = ", ".join(f"{value:,.2f}" for value in each.outcome.pair)
        print(f"start-up {conditions.startup_seconds:.0f} s, {each.name}: {pair}, {each.outcome.scale_events} scalings")
    case = f"start-up {conditions.startup_seconds:.0f} s"
    slow = conditions.startup_seconds == SLOW_SECONDS
    on_front = [float(of(runs, "predictive") in pareto_front(runs)) for runs in tried]
    yield result(f"{case}, on the Pareto front", "share of runs", on_front, goal=1.0)
    minutes = [of(runs, "predictive").outcome.violation_minutes for runs in tried]
    yield result(f"{case}, violation", "minutes", minutes, goal=GOAL_MINUTES if slow else None, less_is_better=True)
    ours, theirs = ([of(runs, name).outcome.replica_hours for runs in tried] for name in ("predictive", RIVAL))
    goal = 1 / GOAL_OF_RIVAL if slow else None
    yield compared(f"{case}, cost", "replica-hours", ours, theirs, RIVAL, goal=goal, less_is_better=True)


def of(tried: Sequence[Tried], name: str) -> Tried:
    """Return one policy's replay."""
    return next(each for each in tried if each.name == name)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=Path, default=None)
    parser.add_argument("--from", dest="start", type=datetime.fromisoformat, default=datetime(1998, 6, 8, tzinfo=UTC))
    parser.add_argument("--to", dest="end", type=datetime.fromisoformat, default=datetime(1998, 6, 22, tzinfo=UTC))
    parser.add_argument("--startup", default="60,180,600")
    parser.add_argument("--rate-per-pod", type=float, default=25.0)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    with (given.series or known_series()).open() as lines:
        recorded = read_series(lines)
    start, end = (
        recorded.step_at(time.replace(tzinfo=time.tzinfo or UTC).timestamp()) for time in (given.start, given.end)
    )
    results: list[Result] = []
    for startup in given.startup.split(","):
        results += measured(recorded, (start, end), Conditions(float(startup), given.rate_per_pod), given.seeds)
    report("autoscaler", results)


def known_series() -> Path:
    """Find the recording in a directory `shared/data` above the repository."""
    places = [parent / "shared/data/worldcup98/requests_per_minute.csv" for parent in Path(__file__).resolve().parents]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise SystemExit("give --series FILE: rows of time and requests in that minute, under a header")
    return found


if __name__ == "__main__":
    main()
