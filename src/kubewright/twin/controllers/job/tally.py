"""Counting a Job's pods, each exactly once. Pure.

A pod that has ended bears a finalizer until its uid stands in the job's status; then the finalizer goes, and once that
is seen the uid turns into a count. So no pod is forgotten and none is counted twice, whoever deletes it meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubewright.api.batch import Job, Uncounted
from kubewright.api.core import PODS, Pod
from kubewright.twin.controllers.job.indexes import index_of, parse
from kubewright.twin.controllers.writes import Patch

FINALIZER = "batch.kubernetes.io/job-tracking"


@dataclass(frozen=True, slots=True)
class Tally:
    """What a job's status counts after this look at its pods."""

    succeeded: int
    failed: int
    indexes: frozenset[int]
    uncounted: Uncounted
    active: tuple[Pod, ...]
    terminating: int

    @property
    def all_succeeded(self) -> int:
        """Return the successes with those that are not in the count yet."""
        return self.succeeded + len(self.uncounted.succeeded)

    @property
    def all_failed(self) -> int:
        """Return the failures with those that are not in the count yet."""
        return self.failed + len(self.uncounted.failed)

    @classmethod
    def of(cls, job: Job, pods: Sequence[Pod]) -> Tally:
        """Count pods on top of what the status has."""
        before = job.status.uncounted_terminated_pods or Uncounted()
        held = {pod.metadata.uid for pod in pods if FINALIZER in pod.metadata.finalizers}
        indexes = parse(job.status.completed_indexes) if job.spec.completion_mode == "Indexed" else set[int]()
        won, lost = _kept(before.succeeded, held), _kept(before.failed, held)
        succeeded = job.status.succeeded + len(before.succeeded) - len(won)
        failed = job.status.failed + len(before.failed) - len(lost)
        active: list[Pod] = []
        for pod in pods:
            uid, index = pod.metadata.uid, index_of(pod)
            if pod.status.phase == "Succeeded":
                won += _new(uid, held, won, lost) if index is None or index not in indexes else ()
                if index is not None and uid in won:
                    indexes.add(index)
            elif _has_failed(job, pod):
                lost += _new(uid, held, won, lost)
            elif not pod.is_terminating:
                active.append(pod)
        terminating = sum(pod.is_terminating and not pod.is_finished for pod in pods)
        if job.spec.completion_mode == "Indexed":
            succeeded = len(indexes) - len(won)
        return cls(succeeded, failed, frozenset(indexes), Uncounted(won, lost), tuple(active), terminating)


def _kept(uids: tuple[str, ...], held: set[str]) -> tuple[str, ...]:
    return tuple(uid for uid in uids if uid in held)


def _new(uid: str, held: set[str], *known: tuple[str, ...]) -> tuple[str, ...]:
    return (uid,) if uid in held and all(uid not in each for each in known) else ()


def _has_failed(job: Job, pod: Pod) -> bool:
    """A pod that is being deleted counts as failed, unless only ended ones are to be replaced."""
    if pod.status.phase == "Failed":
        return True
    return pod.is_terminating and job.spec.pod_replacement_policy != "Failed"


def release(pod: Pod) -> Patch:
    """Take the finalizer off a pod."""
    rest = [name for name in pod.metadata.finalizers if name != FINALIZER]
    return Patch(PODS, pod.key, pod.metadata.uid, {"metadata": {"finalizers": rest or None}})
