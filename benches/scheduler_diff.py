"""Random clusters and pods, placed by the real kube-scheduler and by `placement`, and where the two differ.

One pod at a time, with every constraint that there is; in every fifth cluster also priorities, budgets and preemption.
What counts: the words for a pod that fits nowhere are the same (so each filter refused as many nodes), and the node of
one that fits, or the pods that made room for it, are among those that placement finds best. Every disagreement is
printed with the pod.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benches.report import report, result
from tests.differential.real import Verdict, real_scheduler

CASES = 2_000
PODS_PER_WORLD = 16
CROWDED_EVERY = 5
SEED = 2026


def main() -> None:
    """Compare, print the differences and report how many there were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="how many pods to place")
    parser.add_argument("--seed", type=int, default=SEED, help="what the clusters are drawn from")
    options = parser.parse_args()
    found = compared(options.seed, options.cases)
    for each in found:
        if not each.agree:
            print(each)
            print(json.dumps(each.document["spec"]))
    agreed = sum(each.agree for each in found)
    placed = sum(each.is_placed for each in found)
    report(
        "scheduler_diff",
        [
            result("pods that were placed", "pods", [placed]),
            result("pods that made room", "pods", [sum("in place of" in each.real for each in found)]),
            result("pods that fitted nowhere", "pods", [len(found) - placed]),
            result("disagreements", "pods", [len(found) - agreed], goal=0, less_is_better=True),
        ],
    )


def compared(seed: int, cases: int) -> list[Verdict]:
    """Place so many pods on both sides."""
    found: list[Verdict] = []
    with tempfile.TemporaryDirectory() as state, real_scheduler(Path(state)) as (real, runner):
        number = 0
        while len(found) < cases:
            crowded = number % CROWDED_EVERY == CROWDED_EVERY - 1
            n_pods = min(PODS_PER_WORLD, cases - len(found))
            found += runner.run(real.run(seed, number, n_pods, crowded=crowded))
            number += 1
    return found


if __name__ == "__main__":
    main()
