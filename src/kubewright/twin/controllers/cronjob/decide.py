"""What a CronJob needs: old Jobs cleared away, those that run known, and the Job that is due. Pure.

The rules and the words are kube-controller-manager's (`cronjob_controllerv2.go`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from kubewright.api.batch import CRON_JOBS, JOBS, CronJob, Job
from kubewright.api.conditions import is_true
from kubewright.api.core import ObjectReference
from kubewright.api.cron import load_zone
from kubewright.api.meta import Manifest, parse_time
from kubewright.api.owners import owner_reference
from kubewright.twin.controllers.cronjob.timing import MANY, NeverError, missed, next_look_seconds, schedule_of
from kubewright.twin.controllers.writes import Announce, Remove

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY_MISSED = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"


@dataclass(slots=True)
class Progress:
    """A CronJob's status in the making, and what is to be told."""

    cron_job: CronJob
    active: list[ObjectReference]
    last_successful_time: str | None
    news: list[Announce] = field(default_factory=list[Announce])

    def tell(self, type_: str, reason: str, message: str) -> None:
        """Add an Event."""
        self.news.append(Announce(CRON_JOBS, self.cron_job, type_, reason, message))

    def drop(self, uid: str) -> None:
        """Strike a Job off the active ones."""
        self.active = [each for each in self.active if each.uid != uid]


@dataclass(frozen=True, slots=True)
class Start:
    """A Job is due, and these go before it."""

    at: float
    replaced: tuple[ObjectReference, ...] = ()


def outcome(job: Job) -> str:
    """Return how a Job ended: Complete or Failed, or nothing while it runs."""
    return next((type_ for type_ in ("Complete", "Failed") if is_true(job.status.conditions, type_)), "")


def outdated(cron_job: CronJob, jobs: Sequence[Job]) -> list[Remove]:
    """Return the deletion of the oldest ended Jobs beyond the limits."""
    spec = cron_job.spec
    limits = {"Complete": spec.successful_jobs_history_limit, "Failed": spec.failed_jobs_history_limit}
    doomed: list[Job] = []
    for end, limit in limits.items():
        ended = sorted((job for job in jobs if outcome(job) == end), key=_age)
        if limit is not None and len(ended) > limit:
            doomed += ended[: len(ended) - limit]
    return [Remove(JOBS, job.key, job.metadata.uid, "Background") for job in doomed]


def _age(job: Job) -> tuple[bool, str, str]:
    started = job.status.start_time
    return started is None, started or "", job.metadata.name


def observe(cron_job: CronJob, jobs: Sequence[Job]) -> Progress:
    """Compare the status with the Jobs that there are."""
    progress = Progress(cron_job, list(cron_job.status.active), cron_job.status.last_successful_time)
    known = {each.uid for each in progress.active}
    for job in sorted(jobs, key=lambda each: each.metadata.name):
        uid, name, end = job.metadata.uid, job.metadata.name, outcome(job)
        if not end and uid not in known:
            text = f"Saw a job that the controller did not create or forgot: {name}"
            progress.tell("Warning", "UnexpectedJob", text)
        if end and uid in known:
            progress.drop(uid)
            progress.tell("Normal", "SawCompletedJob", f"Saw completed job: {name}, condition: {end}")
        if end == "Complete" and job.status.completion_time:
            progress.last_successful_time = max(progress.last_successful_time or "", job.status.completion_time)
    present = {job.metadata.uid for job in jobs}
    for each in [each for each in progress.active if each.uid not in present]:
        progress.drop(each.uid)
        progress.tell("Normal", "MissingJob", f"Active job went missing: {each.name}")
    return progress


def due(cron_job: CronJob, progress: Progress, now: float) -> tuple[Start | None, float | None]:
    """Return the start that is due, if one is, and after how many seconds to look again, if at all."""
    spec = cron_job.spec
    if cron_job.metadata.deletion_timestamp is not None or spec.suspend:
        return None, None
    try:
        load_zone(spec.time_zone or "")
        schedule = schedule_of(cron_job)
        found = missed(cron_job, schedule, now)
    except NeverError as error:
        progress.tell("Warning", "InvalidSchedule", f"invalid schedule: {spec.schedule} : {error}")
        return None, None
    except ValueError as error:
        progress.tell("Warning", "UnparseableSchedule", f'unparseable schedule: "{spec.schedule}" : {error}')
        return None, None
    if found.latest is not None and found.count > MANY:
        progress.tell("Warning", "TooManyMissedTimes", _MANY_MISSED)
    start = None if found.latest is None else _start(cron_job, progress, found.latest, now)
    return start, None if start is not None else next_look_seconds(cron_job, schedule, now)


def _start(cron_job: CronJob, progress: Progress, at: float, now: float) -> Start | None:
    spec, last = cron_job.spec, cron_job.status.last_schedule_time
    if spec.starting_deadline_seconds is not None and at + spec.starting_deadline_seconds < now:
        text = f"Missed scheduled time to start a job: {format_datetime(datetime.fromtimestamp(at, UTC))}"
        progress.tell("Warning", "MissSchedule", text)
        return None
    name = job_name(cron_job, at)
    if any(each.name == name for each in progress.active) or (last is not None and parse_time(last) == at):
        return None
    if spec.concurrency_policy == "Forbid" and progress.active:
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        progress.tell("Normal", "JobAlreadyActive", text)
        return None
    return Start(at, tuple(progress.active) if spec.concurrency_policy == "Replace" else ())


def job_name(cron_job: CronJob, at: float) -> str:
    """Return the name of the Job of a start: the same however often it is tried."""
    return f"{cron_job.metadata.name}-{int(at) // 60}"


def job_manifest(cron_job: CronJob, at: float) -> Manifest:
    """Return the Job of a start."""
    template = cron_job.spec.job_template
    local = datetime.fromtimestamp(at, load_zone(cron_job.spec.time_zone or "")).isoformat().replace("+00:00", "Z")
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": job_name(cron_job, at),
            "namespace": cron_job.metadata.namespace,
            "labels": template.metadata.get("labels", {}),
            "annotations": {**template.metadata.get("annotations", {}), SCHEDULED_AT: local},
            "ownerReferences": [owner_reference(cron_job, CRON_JOBS)],
        },
        "spec": template.spec,
    }


def reference(job: Job) -> ObjectReference:
    """Return how the status names a Job."""
    metadata = job.metadata
    return ObjectReference(
        JOBS.api_version, JOBS.kind, metadata.namespace, metadata.name, metadata.uid, metadata.resource_version
    )
