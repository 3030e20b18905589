"""How many lives the fault harness lives in a minute: of our own controllers, of right operators, of seeded mistakes.

Each operator is put through a thousand plans or more, by as many processes as there are processors: a right one, the
one that `kubewright new operator` makes, and ours. Then each of the operators of `tests/seeded/bugs.py`, until its
first violation.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benches.report import Result, report, result
from kubewright.cli.operate import load_build
from kubewright.cli.trying import subject_in
from kubewright.harness.runner import catch, examine
from kubewright.harness.subject import Subject
from kubewright.scaffold.names import Names
from kubewright.scaffold.project import new_operator
from tests.seeded import plain, right
from tests.seeded.bugs import BUGS
from tests.seeded.ours import OURS
from tests.seeded.widget import SAMPLE

PLANS_A_MINUTE = 1000
CAUGHT_PERCENT = 90
MOST_PLANS, MOST_MUTATIONS = 1000, 20
VALUES = 200
SCAFFOLDED = "demo"
SUBJECTS = {each.name: each for each in (Subject("widgets", right.build, SAMPLE), *OURS)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-bugs", action="store_true", help="leave the seeded mistakes out")
    parser.add_argument("--bug", default="", help="those seeded mistakes alone whose name holds this")
    parser.add_argument("--only", choices=[*SUBJECTS, SCAFFOLDED, "none"], help="one operator")
    parser.add_argument("--values", type=int, default=VALUES, help="values of properties, at most")
    return parser.parse_args()


def main() -> None:
    options = _options()
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in (*SUBJECTS, SCAFFOLDED) if options.only is None else (options.only,):
            if name != "none":
                subject = SUBJECTS.get(name) or _scaffolded(Path(folder) / SCAFFOLDED)
                results += _examined(subject, options.jobs, options.values)
    if not options.no_bugs:
        bugs = [each for each in BUGS if options.bug in each.__name__]
        results.append(
            result(f"of {len(bugs)} seeded mistakes caught", "percent", [_caught(bugs)], goal=CAUGHT_PERCENT)
        )
    report("harness", results)


def _scaffolded(project: Path) -> Subject:
    """Return the operator of a new project, as it is made, with the sample that it comes with."""
    new_operator(Names(SCAFFOLDED, "Demo", "demo.example.com", ""), project)
    sys.path.insert(0, str(project))
    target = f"{SCAFFOLDED}.app:build"
    return subject_in(target, load_build(target), [project / "manifests" / f"{SCAFFOLDED}.yaml"])


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


def _caught(bugs: Sequence[type[plain.Plain]]) -> float:
    caught = 0
    for bug in bugs:
        subject = Subject("widgets", plain.wired(bug), SAMPLE)
        finding = catch(subject, most_plans=MOST_PLANS, most_mutations=MOST_MUTATIONS)
        caught += finding is not None
        how = "MISSED" if finding is None else f"{finding.violation.rule}, by {finding.plan}"
        print(f"  {bug.__name__}: {how}", flush=True)
    return caught * 100 / len(bugs)


if __name__ == "__main__":
    main()
