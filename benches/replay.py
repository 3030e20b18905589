"""A day of a replay's crowd, ours against stock: processor time, utilisation, SLO minutes, waits.

    python -m benches.replay                                          # 60 nodes, 12,000 requests, 6 teams, seeds 1 to 3
    python -m benches.replay --nodes 500 --requests 100000 --teams 50 --seeds 1

Days have releases, but no faults and no bad ones: those are lived through by the services on a twin, which
`benches.healing` and `benches.releases` measure. So SLO minutes are those lost by load, releases and moves alone;
what nodes that die cost is not among them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

from benches.report import Result, compared, report, result
from kubewright.replay.configuration import OURS, STOCK, Configuration
from kubewright.replay.episodes import Delivery
from kubewright.replay.figures import figures
from kubewright.replay.generate import Size, generate
from kubewright.replay.life import Life

GOAL_SECONDS, GOAL_UTILISATION, GOAL_WAIT = 300.0, 1.4, 1.0
_NOT_MEASURED = Delivery(0, 0.0, 0.0)
Figures = dict[str, Any]


def lived(size: Size, configuration: Configuration, seed: int) -> Figures:
    """Live through one side's day, and return its figures and what it took."""
    day = generate(size, seed, (), ())
    began = time.process_time()
    ledger = Life(day, configuration, {}, seed).live()
    took = time.process_time() - began
    if not ledger.accounted:
        raise SystemExit(f"{configuration.name}, seed {seed}: there are pods of which nobody knows what became")
    return {**figures(ledger, configuration, _NOT_MEASURED, day.teams), "took": took}


def results(ours: Sequence[Figures], stock: Sequence[Figures]) -> list[Result]:
    """Return every case of all seeds."""

    def each(read: Callable[[Figures], float]) -> tuple[list[float], list[float]]:
        return [read(one) for one in ours], [read(one) for one in stock]

    took = each(lambda one: one["took"])
    used = each(lambda one: one["utilisation"]["cpu"]["usedOfProvisioned"])
    lost = each(lambda one: one["slo"]["minutesLost"])
    waits = each(lambda one: one["scheduling"]["secondsToNode"]["p99"])
    scalings = each(lambda one: one["scalings"])
    cases = [compared("cpu used over provisioned", "share", *used, "stock", goal=GOAL_UTILISATION)]
    for side, place in (("ours", 0), ("stock", 1)):
        cases += [
            result(f"processor time, {side}", "s", took[place], goal=GOAL_SECONDS, less_is_better=True),
            result(f"wait for a node, p99, {side}", "s", waits[place], goal=GOAL_WAIT, less_is_better=True),
            result(f"scalings, {side}", "a day", scalings[place]),
        ]
    # The worst of the seeds: a median would hide a day on which ours loses more.
    more = max(mine - theirs for mine, theirs in zip(*lost, strict=True))
    cases += [
        result("SLO minutes lost, ours", "minutes", lost[0]),
        result("SLO minutes lost, stock", "minutes", lost[1]),
        result("SLO minutes lost, ours above stock, worst seed", "minutes", [more], goal=0.0, less_is_better=True),
    ]
    return cases


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=60)
    parser.add_argument("--requests", type=int, default=12_000)
    parser.add_argument("--teams", type=int, default=6)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seeds", default="1,2,3")
    given = parser.parse_args()
    size = Size(given.nodes, given.requests, given.teams, given.hours)
    sides: tuple[list[Figures], list[Figures]] = [], []
    for seed in map(int, given.seeds.split(",")):
        for found, configuration in zip(sides, (OURS, STOCK), strict=True):
            found.append(lived(size, configuration, seed))
    report("replay", results(*sides))


if __name__ == "__main__":
    main()
