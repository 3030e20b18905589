"""The `batch` group: jobs, and what makes them by the clock. Templates stay plain documents, as in `apps`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubewright.api.conditions import Condition
from kubewright.api.core import ObjectReference
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.selectors import LabelSelector


class ExitCodes(Leaf, frozen=True):
    """Containers that ended with one of some codes, or with none of them."""

    container_name: str | None = None
    operator: str = "In"
    values: tuple[int, ...] = ()


class PodConditionPattern(Leaf, frozen=True):
    """A condition that a failed pod has."""

    type: str = ""
    status: str = "True"


class PodFailureRule(Leaf, frozen=True):
    """What is done about pods that failed in one way."""

    action: str = "Count"
    on_exit_codes: ExitCodes | None = None
    on_pod_conditions: tuple[PodConditionPattern, ...] = ()


class PodFailurePolicy(Leaf, frozen=True):
    """Rules for failed pods; the first that matches counts."""

    rules: tuple[PodFailureRule, ...] = ()


class SuccessRule(Leaf, frozen=True):
    """Which indexes, or how many, are enough."""

    succeeded_indexes: str | None = None
    succeeded_count: int | None = None


class SuccessPolicy(Leaf, frozen=True):
    """Rules of which one is enough."""

    rules: tuple[SuccessRule, ...] = ()


class JobSpec(Leaf, frozen=True):
    """How often pods of the template are to succeed. `template` is the whole document."""

    parallelism: int = 1
    completions: int | None = None
    completion_mode: str = "NonIndexed"
    backoff_limit: int = 6
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    success_policy: SuccessPolicy | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    selector: LabelSelector = LabelSelector()
    template: Mapping[str, Any] = EMPTY
    pod_replacement_policy: str = "TerminatingOrFailed"
    managed_by: str = ""


class Uncounted(Leaf, frozen=True):
    """Pods, by uid, that have ended and are not in the counts yet."""

    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class JobStatus(Leaf, frozen=True):
    """How far the job is."""

    active: int = 0
    ready: int | None = None
    terminating: int | None = None
    succeeded: int = 0
    failed: int = 0
    start_time: str | None = None
    completion_time: str | None = None
    completed_indexes: str = ""
    failed_indexes: str | None = None
    uncounted_terminated_pods: Uncounted | None = None
    conditions: tuple[Condition, ...] = ()


class Job(KubeObject, frozen=True, kw_only=True):
    """A job."""

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


JOBS: Resource[Job] = Resource("batch", "v1", "jobs", "Job", Job)


class JobTemplate(Leaf, frozen=True):
    """What Jobs are made from, whole documents both."""

    metadata: Mapping[str, Any] = EMPTY
    spec: Mapping[str, Any] = EMPTY


class CronJobSpec(Leaf, frozen=True):
    """When Jobs are made, and of what."""

    schedule: str = ""
    time_zone: str | None = None
    starting_deadline_seconds: int | None = None
    concurrency_policy: str = "Allow"
    suspend: bool = False
    job_template: JobTemplate = JobTemplate()
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None


class CronJobStatus(Leaf, frozen=True):
    """The Jobs that run, and the last times."""

    active: tuple[ObjectReference, ...] = ()
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(KubeObject, frozen=True, kw_only=True):
    """A cron job."""

    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()


CRON_JOBS: Resource[CronJob] = Resource("batch", "v1", "cronjobs", "CronJob", CronJob)
