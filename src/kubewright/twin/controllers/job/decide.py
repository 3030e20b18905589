"""What a Job needs next: pods up to its parallelism until enough have succeeded or too many failed. Pure.

The rules are kube-controller-manager's (`job_controller.go`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from kubewright.api.batch import JOBS, Job
from kubewright.api.conditions import Condition, find_condition, is_true, set_condition
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, parse_time, rfc3339
from kubewright.twin.controllers.job.ending import backoff_seconds, ended_at, retry_at
from kubewright.twin.controllers.job.indexes import INDEX, index_of, missing, written
from kubewright.twin.controllers.job.perindex import failures_of, inherited
from kubewright.twin.controllers.job.policies import enough, fatal
from kubewright.twin.controllers.job.tally import FINALIZER, Ending, Tally, release
from kubewright.twin.controllers.podwrites import pod_manifest
from kubewright.twin.controllers.replicaset.victims import victims
from kubewright.twin.controllers.writes import Announce, Create, Patch, Remove

BURST = 500
_INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


@dataclass(frozen=True, slots=True)
class End:
    """How a job ends."""

    failed: bool
    reason: str
    message: str

    @property
    def conditions(self) -> tuple[str, str]:
        """Return the condition that says that it will, and the one that says that it has."""
        return ("FailureTarget", "Failed") if self.failed else ("SuccessCriteriaMet", "Complete")


Step: TypeAlias = Create | Remove | Patch


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the job in this turn."""

    writes: tuple[Step, ...]
    news: tuple[Announce, ...]
    status: dict[str, Any]
    released: frozenset[str]
    """Pods, by uid, that are in the status or count for nothing: they need not be kept any more."""
    look_again_at: float | None


def has_ended(job: Job) -> bool:
    """Tell whether a job is complete or has failed."""
    return is_true(job.status.conditions, "Complete") or is_true(job.status.conditions, "Failed")


def decide(job: Job, pods: Sequence[Pod], tally: Tally, now: float) -> Decision:
    """Return the next step of a job that has not ended."""
    end = _end(job, pods, tally, now)
    if end is not None:
        tally = Tally.of(job, pods, Ending.FAILED if end.failed else Ending.SUCCEEDED)
    suspended = job.spec.suspend and end is None
    started = None if suspended else job.status.start_time or rfc3339(now)
    writes: list[Step] = []
    look_again_at: float | None = None
    if end is not None:
        writes += [Remove(PODS, pod.key, pod.metadata.uid) for pod in tally.active]
    elif suspended:
        writes = _take_away(tally.active)
    else:
        writes, look_again_at = _scale(job, pods, tally, now)
    deleted = sum(isinstance(write, Remove) for write in writes)
    conditions, news = _conditions(job, tally, end, now, deleted=deleted)
    status = {
        "active": len(tally.active) + sum(isinstance(write, Create) for write in writes) - deleted,
        "ready": 0 if end or suspended else sum(pod.is_ready for pod in tally.active),
        "terminating": tally.terminating + deleted,
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "startTime": started,
        "completedIndexes": written(tally.indexes),
        "failedIndexes": written(tally.failed_indexes) if job.spec.backoff_limit_per_index is not None else None,
        "uncountedTerminatedPods": _uncounted(tally),
        "conditions": conditions,
        "completionTime": _completed(conditions, now),
    }
    deadline = _deadline(job, started)
    waits = [at for at in (look_again_at, deadline) if at is not None and end is None]
    released = frozenset((*tally.uncounted.succeeded, *tally.uncounted.failed, *tally.ignored))
    return Decision(tuple(writes), news, status, released, min(waits, default=None))


def _completed(conditions: Sequence[Manifest], now: float) -> str | None:
    return rfc3339(now) if any(each["type"] == "Complete" for each in conditions) else None


def _uncounted(tally: Tally) -> dict[str, Any]:
    parts = {"succeeded": list(tally.uncounted.succeeded), "failed": list(tally.uncounted.failed)}
    return {name: uids for name, uids in parts.items() if uids}


def _end(job: Job, pods: Sequence[Pod], tally: Tally, now: float) -> End | None:
    """Return how the job ends, if it does; what was decided before stands."""
    for type_ in ("SuccessCriteriaMet", "FailureTarget"):
        decided = find_condition(job.status.conditions, type_)
        if decided is not None and decided.is_true:
            return End(type_ == "FailureTarget", decided.reason, decided.message)
    message = fatal(job, pods)
    if message:
        return End(failed=True, reason="PodFailurePolicy", message=message)
    return _beyond_limits(job, tally, now) or _done(job, tally)


def _beyond_limits(job: Job, tally: Tally, now: float) -> End | None:
    if tally.all_failed > job.spec.backoff_limit or _restarted_too_often(job, tally):
        return End(failed=True, reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")
    deadline = None if job.spec.suspend else _deadline(job, job.status.start_time)
    if deadline is not None and now >= deadline:
        return End(failed=True, reason="DeadlineExceeded", message="Job was active longer than specified deadline")
    lost, most = len(tally.failed_indexes), job.spec.max_failed_indexes
    if most is not None and lost > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return End(failed=True, reason="MaxFailedIndexesExceeded", message=text)
    if lost and lost + len(tally.indexes) >= (job.spec.completions or 0):
        return End(failed=True, reason="FailedIndexes", message="Job has failed indexes")
    return None


def _done(job: Job, tally: Tally) -> End | None:
    met = enough(job, tally.indexes)
    if met:
        return End(failed=False, reason="SuccessPolicy", message=met)
    wanted, done = job.spec.completions, tally.all_succeeded
    complete = done > 0 and not tally.active if wanted is None else done >= wanted and not tally.active
    if complete:
        text = "Reached expected number of succeeded pods"
        return End(failed=False, reason="CompletionsReached", message=text)
    return None


def _restarted_too_often(job: Job, tally: Tally) -> bool:
    if job.spec.template.get("spec", {}).get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(pod.restart_count for pod in tally.active)
    return restarts > 0 if not job.spec.backoff_limit else restarts >= job.spec.backoff_limit


def _deadline(job: Job, started: str | None) -> float | None:
    limit = job.spec.active_deadline_seconds
    return parse_time(started) + limit if started and limit is not None else None


def _scale(job: Job, pods: Sequence[Pod], tally: Tally, now: float) -> tuple[list[Step], float | None]:
    """Return what brings the active pods to the wanted number, and when to try again after failures."""
    completions, active = job.spec.completions, len(tally.active)
    if completions is None:
        wanted = active if tally.all_succeeded else job.spec.parallelism
    else:
        wanted = min(max(completions - tally.all_succeeded, 0), job.spec.parallelism)
    if active > wanted:
        return _take_away(victims(tally.active, active - wanted, {})), None
    unfinished = tally.terminating if job.spec.pod_replacement_policy == "Failed" else 0
    lacking = min(wanted - active - unfinished, BURST)
    if lacking <= 0:
        return [], None
    if job.spec.backoff_limit_per_index is None:
        next_at = retry_at(pods)
        if next_at > now:
            return [], next_at
    if job.spec.completion_mode != "Indexed":
        return [Create(PODS, _pod(job)) for _ in range(lacking)], None
    return _fill(job, pods, tally, lacking, now)


def _take_away(pods: Sequence[Pod]) -> list[Step]:
    """Pods that are only too many have not failed: they are let go before they could be counted."""
    held = [pod for pod in pods if FINALIZER in pod.metadata.finalizers]
    return [*(release(pod) for pod in held), *(Remove(PODS, pod.key, pod.metadata.uid) for pod in pods)]


def _fill(job: Job, pods: Sequence[Pod], tally: Tally, lacking: int, now: float) -> tuple[list[Step], float | None]:
    """Return pods for the lowest indexes that are free, and when the next that has to wait is due."""
    living = [*tally.active]
    if job.spec.pod_replacement_policy == "Failed":
        living += [pod for pod in pods if pod.is_terminating and not pod.is_finished]
    busy = {index for pod in living if (index := index_of(pod)) is not None}
    free = missing(job.spec.completions or 0, {*tally.indexes, *tally.failed_indexes, *busy}, lacking)
    due = {index: _due_at(tally.awaited.get(index)) for index in free}
    ready = [index for index in free if due[index] <= now]
    if free and not ready:
        return [], min(due.values())
    return [Create(PODS, _pod(job, index, tally.awaited.get(index))) for index in ready], None


def _due_at(before: Pod | None) -> float:
    return ended_at(before) + backoff_seconds(failures_of(before) + 1) if before is not None else 0.0


def _pod(job: Job, index: int | None = None, before: Pod | None = None) -> Manifest:
    manifest = pod_manifest(job, JOBS, job.spec.template)
    metadata: Manifest = {**manifest["metadata"]}
    metadata["finalizers"] = [*metadata.get("finalizers", []), FINALIZER]
    spec: Manifest = manifest["spec"]
    if index is not None:
        number = str(index)
        metadata["generateName"] = f"{job.metadata.name}-{number}-"
        metadata["labels"] = {**metadata.get("labels", {}), INDEX: number}
        metadata["annotations"] = {**metadata.get("annotations", {}), INDEX: number, **inherited(job, before)}
        spec = {**spec, "hostname": f"{job.metadata.name}-{number}"}
        for part in ("initContainers", "containers"):
            if spec.get(part):
                spec[part] = [_told_its_index(each) for each in spec[part]]
    return {**manifest, "metadata": metadata, "spec": spec}


def _told_its_index(container: Manifest) -> Manifest:
    own: list[Manifest] = container.get("env") or []
    if any(each["name"] == _INDEX_VARIABLE for each in own):
        return container
    path = f"metadata.labels['{INDEX}']"
    return {**container, "env": [*own, {"name": _INDEX_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": path}}}]}


def _conditions(
    job: Job, tally: Tally, end: End | None, now: float, *, deleted: int
) -> tuple[list[Manifest], tuple[Announce, ...]]:
    """Say first that the job will end, and that it has when its pods are gone and all are counted."""
    conditions = job.status.conditions
    news: list[Announce] = []
    if end is not None:
        target, final = end.conditions
        conditions = set_condition(conditions, Condition(target, "True", end.reason, end.message), now)
        held = tally.uncounted.succeeded or tally.uncounted.failed
        if not (held or deleted or tally.active or tally.terminating):
            conditions = set_condition(conditions, Condition(final, "True", end.reason, end.message), now)
            reason, text = (end.reason, end.message) if end.failed else ("Completed", "Job completed")
            news.append(Announce(JOBS, job, "Warning" if end.failed else "Normal", reason, text))
    else:
        conditions, news = _suspension(job, now)
    return [_written(each, now) for each in conditions], tuple(news)


def _suspension(job: Job, now: float) -> tuple[tuple[Condition, ...], list[Announce]]:
    conditions = job.status.conditions
    present = find_condition(conditions, "Suspended")
    was = present is not None and present.is_true
    if job.spec.suspend and not was:
        condition = Condition("Suspended", "True", "JobSuspended", "Job suspended")
        return set_condition(conditions, condition, now), [_announce(job, "Suspended", "Job suspended")]
    if was and not job.spec.suspend:
        condition = Condition("Suspended", "False", "JobResumed", "Job resumed")
        return set_condition(conditions, condition, now), [_announce(job, "Resumed", "Job resumed")]
    return conditions, []


def _announce(job: Job, reason: str, message: str) -> Announce:
    return Announce(JOBS, job, "Normal", reason, message)


def _written(condition: Condition, now: float) -> Manifest:
    at = condition.last_transition_time or rfc3339(now)
    return {
        "type": condition.type,
        "status": condition.status,
        "lastProbeTime": at,
        "lastTransitionTime": at,
        "reason": condition.reason,
        "message": condition.message,
    }
