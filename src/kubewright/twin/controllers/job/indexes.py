"""Completion indexes of Indexed jobs, and how they are written: `0-2,4`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubewright.api.core import Pod

INDEX = "batch.kubernetes.io/job-completion-index"
_SHORTEST_RANGE = 3


def index_of(pod: Pod) -> int | None:
    """Return a pod's completion index."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isdecimal() else None


def parse(text: str) -> set[int]:
    """Read ranges; what cannot be read is left out."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first.isdecimal() and (not dash or last.isdecimal()):
            found.update(range(int(first), int(last if dash else first) + 1))
    return found


def written(indexes: Iterable[int]) -> str:
    """Write indexes; three and more in a row become a range."""
    return ",".join(_run_text(run) for run in _runs(sorted(indexes)))


def _runs(indexes: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _run_text(run: Sequence[int]) -> str:
    if len(run) < _SHORTEST_RANGE:
        return ",".join(map(str, run))
    return f"{run[0]}-{run[-1]}"


def missing(completions: int, taken: Iterable[int], count: int) -> list[int]:
    """Return the lowest indexes that are free."""
    used = set(taken)
    free = (index for index in range(completions) if index not in used)
    return [index for index, _ in zip(free, range(count), strict=False)]
