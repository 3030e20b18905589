"""Back-off limits per index: each index fails by itself, and its pods hand on how often it has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kubewright.api.batch import Job
from kubewright.api.core import Pod
from kubewright.api.meta import Manifest
from kubewright.twin.controllers.job.ending import ended_at
from kubewright.twin.controllers.job.indexes import index_of, parse
from kubewright.twin.controllers.job.policies import counts, has_failed, verdict

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"


def _noted(pod: Pod, name: str) -> int:
    text = pod.metadata.annotations.get(name, "")
    return int(text) if text.isdecimal() else 0


def failures_of(pod: Pod) -> int:
    """Return how often a pod's index had failed before it, ignored failures included."""
    return _noted(pod, FAILURES) + _noted(pod, IGNORED)


def lost_for_good(job: Job, failed: Iterable[Pod]) -> set[int]:
    """Return the indexes that have failed for good, by the status and by pods that are not in it yet."""
    limit = job.spec.backoff_limit_per_index
    if limit is None:
        return set()
    lost = parse(job.status.failed_indexes or "")
    for pod in failed:
        index, said = index_of(pod), verdict(job, pod)
        at_once = said is not None and said.action == "FailIndex"
        if index is not None and (at_once or (counts(job, pod) and _noted(pod, FAILURES) >= limit)):
            lost.add(index)
    return lost


def awaited(job: Job, failed: Sequence[Pod], done: Collection[int], active: Iterable[Pod]) -> dict[int, Pod]:
    """Return by index the last failed pod of each index that is to be tried again and has no pod yet."""
    if job.spec.backoff_limit_per_index is None:
        return {}
    busy = {index_of(pod) for pod in active}
    last: dict[int, Pod] = {}
    for pod in sorted(failed, key=lambda each: (failures_of(each), ended_at(each))):
        index = index_of(pod)
        if index is not None and index not in done and index not in busy and has_failed(job, pod):
            last[index] = pod
    return last


def inherited(job: Job, before: Pod | None) -> Manifest:
    """Return the annotations by which a pod takes over how often its index has failed."""
    if job.spec.backoff_limit_per_index is None:
        return {}
    if before is None:
        return {FAILURES: "0"}
    counted = counts(job, before)
    failures, ignored = _noted(before, FAILURES) + counted, _noted(before, IGNORED) + (not counted)
    return {FAILURES: str(failures)} | ({IGNORED: str(ignored)} if ignored else {})
