"""Counting a Job's pods, each exactly once. Pure.

A pod that has ended bears a finalizer until its uid stands in the job's status; then the finalizer goes, and once that
is seen the uid turns into a count. So no pod is forgotten and none is counted twice, whoever deletes it meanwhile.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.batch import Job, Uncounted
from kubewright.api.core import PODS, Pod
from kubewright.twin.controllers.job.indexes import index_of, parse
from kubewright.twin.controllers.job.perindex import awaited, lost_for_good
from kubewright.twin.controllers.job.policies import counts, has_failed
from kubewright.twin.controllers.writes import Patch

FINALIZER = "batch.kubernetes.io/job-tracking"


class Ending(enum.Enum):
    """Whether a job is coming to its end, and to which."""

    NOT = "not"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class Tally:
    """What a job's status counts after this look at its pods."""

    succeeded: int
    failed: int
    indexes: frozenset[int]
    uncounted: Uncounted
    active: tuple[Pod, ...]
    terminating: int
    failed_indexes: frozenset[int] = frozenset()
    awaited: Mapping[int, Pod] = field(default_factory=dict[int, Pod])
    """By index the failed pod that is kept until another takes its place and takes over how often it failed."""
    ignored: tuple[str, ...] = ()
    """Pods, by uid, that do not count and may go."""
    uncounted_failures: int = 0
    """Failures that will be counted once their pods are replaced."""

    @property
    def all_succeeded(self) -> int:
        """Return the successes with those that are not in the count yet."""
        return self.succeeded + len(self.uncounted.succeeded)

    @property
    def all_failed(self) -> int:
        """Return the failures with those that are not in the count yet."""
        return self.failed + len(self.uncounted.failed) + self.uncounted_failures

    @classmethod
    def of(cls, job: Job, pods: Sequence[Pod], ending: Ending = Ending.NOT) -> Tally:
        """Count pods on top of what the status has.

        A job that is ending waits for no replacement; pods that go with one that fails have failed, those that go with
        one that succeeds count for nothing.
        """
        before = job.status.uncounted_terminated_pods or Uncounted()
        held = {pod.metadata.uid for pod in pods if FINALIZER in pod.metadata.finalizers}
        indexed = job.spec.completion_mode == "Indexed"
        indexes = parse(job.status.completed_indexes) if indexed else set[int]()
        won, lost = _kept(before.succeeded, held), _kept(before.failed, held)
        succeeded = job.status.succeeded + len(before.succeeded) - len(won)
        failed = job.status.failed + len(before.failed) - len(lost)
        for pod in pods:
            uid, index = pod.metadata.uid, index_of(pod)
            if pod.status.phase == "Succeeded":
                won += _new(uid, held, won, lost) if index is None or index not in indexes else ()
                if index is not None and uid in won:
                    indexes.add(index)
        active = [pod for pod in pods if not pod.is_terminating and not pod.is_finished]
        going = [pod for pod in pods if pod.is_terminating and not pod.is_finished and not has_failed(job, pod)]
        failures = [pod for pod in pods if has_failed(job, pod)] + (going if ending is Ending.FAILED else [])
        fresh = [pod for pod in failures if _new(pod.metadata.uid, held, won, lost)]
        lost_indexes = lost_for_good(job, fresh)
        waiting = {} if ending is not Ending.NOT else awaited(job, fresh, indexes | lost_indexes, active)
        kept = {pod.metadata.uid for pod in waiting.values()}
        counted = [pod.metadata.uid for pod in fresh if counts(job, pod)]
        lost += tuple(uid for uid in counted if uid not in kept)
        ignored = fresh + (going if ending is Ending.SUCCEEDED else [])
        terminating = sum(pod.is_terminating and not pod.is_finished for pod in pods)
        if indexed:
            succeeded = len(indexes) - len(won)
        return cls(
            succeeded,
            failed,
            frozenset(indexes),
            Uncounted(won, lost),
            tuple(active),
            terminating,
            frozenset(lost_indexes),
            waiting,
            tuple(pod.metadata.uid for pod in ignored if pod.metadata.uid not in {*counted, *kept}),
            sum(uid in kept for uid in counted),
        )


def _kept(uids: tuple[str, ...], held: set[str]) -> tuple[str, ...]:
    return tuple(uid for uid in uids if uid in held)


def _new(uid: str, held: set[str], *known: tuple[str, ...]) -> tuple[str, ...]:
    return (uid,) if uid in held and all(uid not in each for each in known) else ()


def release(pod: Pod) -> Patch:
    """Take the finalizer off a pod."""
    rest = [name for name in pod.metadata.finalizers if name != FINALIZER]
    return Patch(PODS, pod.key, pod.metadata.uid, {"metadata": {"finalizers": rest or None}})
