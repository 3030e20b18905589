"""A longer search for differences: `python -m tests.contract.sequences --seconds 600 --seed 7`.

Unlike the test it does not stop at the first difference, nor shrink it: it prints each one that is of another sort.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.contract.sequences.draws import sequences
from tests.contract.sequences.kinds import KINDS
from tests.contract.sequences.pair import Difference, paired


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.sequences", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=12, help="the most steps of a sequence")
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as state, paired(Path(state)) as pair:
        deadline = time.monotonic() + options.seconds
        one_kind = st.sampled_from(options.kinds.split(",")).map(lambda kind: (kind,))
        sorts: dict[str, int] = {}
        done = 0

        @seed(options.seed)
        @settings(
            max_examples=10**9,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(sequences(kinds=one_kind, length=options.length))
        def search(steps):
            nonlocal done
            if time.monotonic() > deadline:
                raise KeyboardInterrupt
            done += 1
            for found in pair.compare(steps, patient=True):
                sort = sort_of(found)
                sorts[sort] = sorts.get(sort, 0) + 1
                if sorts[sort] == 1:
                    print(f"--- {done}: {shown(found)}\n", flush=True)

        with contextlib.suppress(KeyboardInterrupt):
            search()
        print(f"{done} sequences, {len(sorts)} sorts of differences", flush=True)
        for sort, count in sorted(sorts.items(), key=lambda item: -item[1]):
            print(count, sort[:240])


def sort_of(found: Difference) -> str:
    """Name the sort of a difference: the step's kind and verb, and both sides without their numbers."""
    step = found.steps[-1]
    where = f"{step.verb} {step.kind} {step.subresource}" if found.where.startswith("the answer") else found.where[:30]
    return re.sub(r"\d+", "9", f"{where} {json.dumps(found.real)[:150]} {json.dumps(found.twin)[:150]}")


def shown(found: Difference) -> str:
    return "\n".join(line[:1500] for line in str(found).splitlines())


if __name__ == "__main__":
    main()
