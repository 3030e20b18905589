"""Bad releases and good ones, by the platform and by a stock Deployment, on the twin under virtual time.

A bad release is caught when the platform has rolled it back and none of its pods are left. Evidence is the first
moment at which somebody who looks at its pods would say that something is wrong; hurt are requests that failed or took
longer than a quarter of a second, over the fifteen minutes after the release. A good one is missed when it is rolled
back, or has not arrived by then.
"""

from __future__ import annotations

import argparse
import statistics

from benches.releasecases import BAD, GOOD
from benches.releaselife import Outcome, live
from benches.report import compared, report, result

GOAL_SECONDS = 60.0


def line(found: Outcome, stock: Outcome | None) -> str:
    """Say what became of a release."""

    def at(seconds: float | None) -> str:
        return "never" if seconds is None else f"{seconds:.0f} s"

    text = f"{found.case.name}: evidence {at(found.evidence_at)}, decided {at(found.decided_at)} {found.why}, "
    text += f"undone {at(found.undone_at)}, hurt {found.hurt_share:.2%}"
    if stock is not None:
        text += f"; stock: noticed {at(stock.noticed_at)}, hurt {stock.hurt_share:.2%}"
    return text


def delay(found: Outcome) -> float:
    """Return how long after the first evidence a release was undone."""
    if found.undone_at is None:
        return float("inf")
    return max(0.0, found.undone_at - (found.evidence_at if found.evidence_at is not None else found.undone_at))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    options = parser.parse_args()
    bad, stock, good = [], [], []
    for case in (each for each in BAD if options.only in each.name):
        bad.append(live(case, ours=True, seed=options.seed))
        stock.append(live(case, ours=False, seed=options.seed))
        print(line(bad[-1], stock[-1]), flush=True)
    for case in (each for each in GOOD if options.only in each.name):
        good.append(live(case, ours=True, seed=options.seed))
        print(f"good: {line(good[-1], None)}, arrived {good[-1].runs_new}", flush=True)
    if options.only:
        return
    caught = [each for each in bad if each.undone_at is not None]
    false = [each for each in good if each.decided_at is not None]
    arrived = [each for each in good if each.runs_new]
    report(
        "releases",
        [
            result(f"of {len(bad)} bad releases undone", "releases", [len(caught)], goal=len(bad)),
            result(
                "from the first evidence until undone, median",
                "s",
                [statistics.median(map(delay, bad))],
                goal=GOAL_SECONDS,
                less_is_better=True,
                note=f"longest {max(map(delay, bad)):.0f} s",
            ),
            compared(
                "requests hurt by a bad release, mean",
                "% of 15 minutes",
                [100 * statistics.mean(each.hurt_share for each in bad)],
                [100 * statistics.mean(each.hurt_share for each in stock)],
                "stock Deployment",
                less_is_better=True,
            ),
            result(f"of {len(good)} good releases rolled back", "releases", [len(false)], goal=0, less_is_better=True),
            result(f"of {len(good)} good releases arrived", "releases", [len(arrived)], goal=len(good)),
        ],
    )


if __name__ == "__main__":
    main()
