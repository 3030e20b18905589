"""How many lives the fault harness lives in a minute: of our own controllers, of a right operator, of seeded mistakes.

Each operator is put through a thousand plans or more, by as many processes as there are processors; then each of the
operators of `tests/seeded/bugs.py`, until its first violation.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence

from benches.report import Result, report, result
from kubewright.harness.runner import catch, examine
from kubewright.harness.subject import Subject
from tests.seeded import plain, right
from tests.seeded.bugs import BUGS
from tests.seeded.ours import OURS
from tests.seeded.widget import SAMPLE

PLANS_A_MINUTE = 1000
CAUGHT_PERCENT = 90
MOST_PLANS, MOST_MUTATIONS = 1000, 20
VALUES = 200
SUBJECTS = (Subject("widgets", right.build, SAMPLE), *OURS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-bugs", action="store_true", help="leave the seeded mistakes out")
    parser.add_argument("--only", choices=[each.name for each in SUBJECTS], help="one operator")
    parser.add_argument("--values", type=int, default=VALUES, help="values of properties, at most")
    return parser.parse_args()


def main() -> None:
    options = _options()
    results: list[Result] = []
    for subject in SUBJECTS:
        if options.only in {None, subject.name}:
            results += _examined(subject, options.jobs, options.values)
    if not options.no_bugs:
        results.append(result(f"of {len(BUGS)} seeded mistakes caught", "percent", [_caught()], goal=CAUGHT_PERCENT))
    report("harness", results)


def _examined(subject: Subject, jobs: int, values: int) -> Sequence[Result]:
    began, worked = time.perf_counter(), _cpu_seconds()
    found = examine(subject, most_mutations=values, jobs=jobs)
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - worked
    print("\n".join(found.lines()))
    lives = found.plans + found.undisturbed
    about = f"{subject.name}: {lives} lives, {found.plans} with a fault"
    return (
        result(f"{about}; {jobs} processes", "lives a minute", [lives / seconds * 60], goal=PLANS_A_MINUTE),
        result(f"{subject.name}: processor time", "ms a life", [cpu * 1000 / lives], less_is_better=True),
        result(f"{subject.name}: violations", "of all lives", [len(found.findings)], goal=0, less_is_better=True),
    )


def _cpu_seconds() -> float:
    """Return what this process and its children that have ended took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


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
