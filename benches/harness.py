"""How many lives the fault harness lives in a minute, and which seeded mistakes it catches.

The right operator is put through every plan there is, by as many processes as there are processors; then each of the
operators of `tests/seeded/bugs.py`, until its first violation.
"""

from __future__ import annotations

import argparse
import os
import time

from benches.report import report, result
from kubewright.harness.runner import catch, examine
from kubewright.harness.subject import Subject
from tests.seeded import plain, right
from tests.seeded.bugs import BUGS
from tests.seeded.widget import SAMPLE

PLANS_A_MINUTE = 1000
CAUGHT_PERCENT = 90
MOST_PLANS, MOST_MUTATIONS = 1000, 20


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-bugs", action="store_true", help="leave the seeded mistakes out")
    return parser.parse_args()


def main() -> None:
    options = _options()
    started = time.perf_counter()
    found = examine(Subject("widgets", right.build, SAMPLE), jobs=options.jobs)
    seconds = time.perf_counter() - started
    print("\n".join(found.lines()))
    lives = found.plans + found.undisturbed
    results = [
        result(
            f"lives of one operator, {options.jobs} processes", "a minute", [lives / seconds * 60], goal=PLANS_A_MINUTE
        ),
        result("violations of the right operator", "of all lives", [len(found.findings)], goal=0, less_is_better=True),
    ]
    if not options.no_bugs:
        results.append(result(f"of {len(BUGS)} seeded mistakes caught", "percent", [_caught()], goal=CAUGHT_PERCENT))
    report("harness", results)


def _caught() -> float:
    caught = 0
    for bug in BUGS:
        subject = Subject("widgets", plain.wired(bug), SAMPLE)
        finding = catch(subject, most_plans=MOST_PLANS, most_mutations=MOST_MUTATIONS)
        caught += finding is not None
        how = "MISSED" if finding is None else f"{finding.violation.rule}, by {finding.plan}"
        print(f"  {bug.__name__}: {how}", flush=True)
    return caught * 100 / len(BUGS)


if __name__ == "__main__":
    main()
