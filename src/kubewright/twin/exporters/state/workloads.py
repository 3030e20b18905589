"""Deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs, autoscalers and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.api.meta import Manifest
from kubewright.twin.exporters.state.families import (
    KindState,
    StateFamily,
    conditions,
    created,
    flag,
    generation,
    info,
    many,
    moment,
    named,
    number,
    owners,
    three_states,
)
from kubewright.twin.exporters.text import Sample
from kubewright.twin.reading import dicts, text


def _status(prefix: str, fields: dict[str, str]) -> tuple[StateFamily, ...]:
    """Describe counts of a status: metric's end -> field."""
    return tuple(
        number(f"{prefix}_{name}", f"The status field {field}.", "status", field, default=0)
        for name, field in fields.items()
    )


DEPLOYMENTS = KindState(
    ("apps", "deployments"),
    "*v1.Deployment",
    named("deployment"),
    (
        created("kube_deployment"),
        *_status(
            "kube_deployment_status_replicas",
            {
                "ready": "readyReplicas",
                "available": "availableReplicas",
                "unavailable": "unavailableReplicas",
                "updated": "updatedReplicas",
            },
        ),
        number("kube_deployment_status_replicas", "The number of replicas.", "status", "replicas", default=0),
        conditions("kube_deployment_status_condition", "The current status conditions of a deployment.", reason=True),
        number("kube_deployment_spec_replicas", "Number of desired pods for a deployment.", "spec", "replicas"),
        flag("kube_deployment_spec_paused", "Whether the deployment is paused.", "spec", "paused"),
        *generation("kube_deployment"),
        owners("kube_deployment_owner"),
    ),
)

REPLICA_SETS = KindState(
    ("apps", "replicasets"),
    "*v1.ReplicaSet",
    named("replicaset"),
    (
        created("kube_replicaset"),
        *_status(
            "kube_replicaset_status",
            {
                "replicas": "replicas",
                "fully_labeled_replicas": "fullyLabeledReplicas",
                "ready_replicas": "readyReplicas",
            },
        ),
        number("kube_replicaset_spec_replicas", "Number of desired pods for a ReplicaSet.", "spec", "replicas"),
        *generation("kube_replicaset"),
        owners("kube_replicaset_owner"),
    ),
)


def _revision(name: str, field: str) -> StateFamily:
    return info(name, f"The status field {field}.", lambda obj: {"revision": text(obj, "status", field)})


STATEFUL_SETS = KindState(
    ("apps", "statefulsets"),
    "*v1.StatefulSet",
    named("statefulset"),
    (
        created("kube_statefulset"),
        *_status(
            "kube_statefulset_status_replicas",
            {
                "available": "availableReplicas",
                "current": "currentReplicas",
                "ready": "readyReplicas",
                "updated": "updatedReplicas",
            },
        ),
        number("kube_statefulset_status_replicas", "The number of replicas.", "status", "replicas", default=0),
        number("kube_statefulset_replicas", "Number of desired pods for a StatefulSet.", "spec", "replicas"),
        *generation("kube_statefulset"),
        _revision("kube_statefulset_status_current_revision", "currentRevision"),
        _revision("kube_statefulset_status_update_revision", "updateRevision"),
    ),
)

DAEMON_SETS = KindState(
    ("apps", "daemonsets"),
    "*v1.DaemonSet",
    named("daemonset"),
    (
        created("kube_daemonset"),
        *_status(
            "kube_daemonset_status",
            {
                "current_number_scheduled": "currentNumberScheduled",
                "desired_number_scheduled": "desiredNumberScheduled",
                "number_available": "numberAvailable",
                "number_misscheduled": "numberMisscheduled",
                "number_ready": "numberReady",
                "number_unavailable": "numberUnavailable",
                "updated_number_scheduled": "updatedNumberScheduled",
            },
        ),
        *generation("kube_daemonset"),
    ),
)


def _ended(type_: str) -> StateFamily:
    """Describe how a job ended, as a sample for each state of the condition; none while it has not."""

    def samples(job: Manifest, own: str) -> Iterable[Sample]:
        for each in dicts(job, "status", "conditions"):
            if each.get("type") == type_:
                yield from three_states(own, text(each, "status"), "condition")

    return many(f"kube_job_{type_.lower()}", f"The job has the condition {type_}.", samples)


JOBS = KindState(
    ("batch", "jobs"),
    "*v1.Job",
    named("job_name"),
    (
        created("kube_job"),
        info("kube_job_info", "Information about job.", lambda _job: {}),
        number("kube_job_spec_parallelism", "The maximum number of pods at a time.", "spec", "parallelism"),
        number("kube_job_spec_completions", "The number of pods that must succeed.", "spec", "completions"),
        number("kube_job_spec_active_deadline_seconds", "How long it may take.", "spec", "activeDeadlineSeconds"),
        *_status("kube_job_status", {"succeeded": "succeeded", "failed": "failed", "active": "active"}),
        _ended("Complete"),
        _ended("Failed"),
        moment("kube_job_status_start_time", "When the job was acknowledged.", "status", "startTime"),
        moment("kube_job_status_completion_time", "When the job was completed.", "status", "completionTime"),
        owners("kube_job_owner"),
    ),
)

CRON_JOBS = KindState(
    ("batch", "cronjobs"),
    "*v1.CronJob",
    named("cronjob"),
    (
        created("kube_cronjob"),
        info(
            "kube_cronjob_info",
            "Info about cronjob.",
            lambda job: {
                "schedule": text(job, "spec", "schedule"),
                "concurrency_policy": text(job, "spec", "concurrencyPolicy"),
                "timezone": text(job, "spec", "timeZone"),
            },
        ),
        flag("kube_cronjob_spec_suspend", "Whether the controller skips executions.", "spec", "suspend"),
        many(
            "kube_cronjob_status_active",
            "The number of running jobs.",
            lambda job, own: ((own, len(dicts(job, "status", "active"))),),
        ),
        moment(
            "kube_cronjob_status_last_schedule_time", "When a job was last scheduled.", "status", "lastScheduleTime"
        ),
    ),
)

AUTOSCALERS = KindState(
    ("autoscaling", "horizontalpodautoscalers"),
    "*v2.HorizontalPodAutoscaler",
    named("horizontalpodautoscaler"),
    (
        info(
            "kube_horizontalpodautoscaler_info",
            "Information about this autoscaler.",
            lambda obj: {
                "scaletargetref_kind": text(obj, "spec", "scaleTargetRef", "kind"),
                "scaletargetref_name": text(obj, "spec", "scaleTargetRef", "name"),
            },
        ),
        number("kube_horizontalpodautoscaler_spec_max_replicas", "Upper limit.", "spec", "maxReplicas"),
        number("kube_horizontalpodautoscaler_spec_min_replicas", "Lower limit.", "spec", "minReplicas", default=1),
        *_status(
            "kube_horizontalpodautoscaler_status",
            {"current_replicas": "currentReplicas", "desired_replicas": "desiredReplicas"},
        ),
        conditions("kube_horizontalpodautoscaler_status_condition", "The condition of this autoscaler."),
    ),
)

BUDGETS = KindState(
    ("policy", "poddisruptionbudgets"),
    "*v1.PodDisruptionBudget",
    named("poddisruptionbudget"),
    (
        created("kube_poddisruptionbudget"),
        *_status(
            "kube_poddisruptionbudget_status",
            {
                "current_healthy": "currentHealthy",
                "desired_healthy": "desiredHealthy",
                "pod_disruptions_allowed": "disruptionsAllowed",
                "expected_pods": "expectedPods",
                "observed_generation": "observedGeneration",
            },
        ),
    ),
)
