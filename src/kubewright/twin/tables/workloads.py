"""Rows of what makes pods, and of what limits or scales it."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest, parse_time
from kubewright.twin import autoscalerv1
from kubewright.twin.reading import as_list, count, dicts, dig, text
from kubewright.twin.tables import cells
from kubewright.twin.tables.duration import human_duration, since
from kubewright.twin.tables.metrics import metrics_cell


def deployment_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a Deployment."""
    selector = cells.selector(dig(obj, "spec", "selector"))
    return [
        cells.name(obj),
        f"{count(obj, 'status', 'readyReplicas')}/{count(obj, 'spec', 'replicas')}",
        count(obj, "status", "updatedReplicas"),
        count(obj, "status", "availableReplicas"),
        cells.age(obj, now),
        *cells.containers(dig(obj, "spec", "template", "spec")),
        "" if selector == cells.NONE else selector,
    ]


def replica_set_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a ReplicaSet or a ReplicationController."""
    selector = dig(obj, "spec", "selector")
    plain = text(obj, "kind") == "ReplicationController"
    return [
        cells.name(obj),
        count(obj, "spec", "replicas"),
        count(obj, "status", "replicas"),
        count(obj, "status", "readyReplicas"),
        cells.age(obj, now),
        *cells.containers(dig(obj, "spec", "template", "spec")),
        cells.labels(selector) if plain else cells.selector(selector),
    ]


def scale_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of the Scale of a workload."""
    return [
        cells.name(obj),
        count(obj, "spec", "replicas"),
        count(obj, "status", "replicas"),
        cells.age(obj, now),
    ]


def daemon_set_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a DaemonSet."""
    pod_spec = dig(obj, "spec", "template", "spec")
    fields = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        cells.name(obj),
        *(count(obj, "status", field) for field in fields),
        cells.labels(dig(pod_spec, "nodeSelector")),
        cells.age(obj, now),
        *cells.containers(pod_spec),
        cells.selector(dig(obj, "spec", "selector")),
    ]


def stateful_set_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a StatefulSet."""
    return [
        cells.name(obj),
        f"{count(obj, 'status', 'readyReplicas')}/{count(obj, 'spec', 'replicas')}",
        cells.age(obj, now),
        *cells.containers(dig(obj, "spec", "template", "spec")),
    ]


def job_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a Job."""
    return [
        cells.name(obj),
        _job_status(obj),
        _completions(obj),
        _job_duration(obj, now),
        cells.age(obj, now),
        *cells.containers(dig(obj, "spec", "template", "spec")),
        cells.selector(dig(obj, "spec", "selector")),
    ]


_JOB_STATUS = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _job_status(obj: Manifest) -> str:
    true = {text(item, "type") for item in dicts(obj, "status", "conditions") if text(item, "status") == "True"}
    if dig(obj, "metadata", "deletionTimestamp") is not None:
        true.add("")
    return next((shown for condition, shown in _JOB_STATUS if condition in true), "Running")


def _completions(obj: Manifest) -> str:
    done, wanted = count(obj, "status", "succeeded"), dig(obj, "spec", "completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallelism = count(obj, "spec", "parallelism")
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _job_duration(obj: Manifest, now: float) -> str:
    started, completed = text(obj, "status", "startTime"), text(obj, "status", "completionTime")
    if not started:
        return ""
    return human_duration((parse_time(completed) if completed else now) - parse_time(started))


def cron_job_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a CronJob."""
    job = dig(obj, "spec", "jobTemplate", "spec")
    last = dig(obj, "status", "lastScheduleTime")
    suspended = dig(obj, "spec", "suspend")
    return [
        cells.name(obj),
        text(obj, "spec", "schedule"),
        cells.or_none(text(obj, "spec", "timeZone")),
        cells.UNSET if suspended is None else str(bool(suspended)),
        len(as_list(dig(obj, "status", "active"))),
        cells.NONE if last is None else since(last, now),
        cells.age(obj, now),
        *cells.containers(dig(job, "template", "spec")),
        cells.selector(dig(job, "selector")) if dig(job, "selector") is not None else cells.NONE,
    ]


def disruption_budget_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a PodDisruptionBudget."""
    limits = (dig(obj, "spec", "minAvailable"), dig(obj, "spec", "maxUnavailable"))
    return [
        cells.name(obj),
        *("N/A" if limit is None else str(limit) for limit in limits),
        count(obj, "status", "disruptionsAllowed"),
        cells.age(obj, now),
    ]


def autoscaler_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a HorizontalPodAutoscaler; both versions show the same."""
    obj = autoscalerv1.to_v2(obj)
    target, lowest = dig(obj, "spec", "scaleTargetRef"), dig(obj, "spec", "minReplicas")
    return [
        cells.name(obj),
        f"{text(target, 'kind')}/{text(target, 'name')}",
        metrics_cell(obj),
        cells.UNSET if lowest is None else str(lowest),
        count(obj, "spec", "maxReplicas"),
        count(obj, "status", "currentReplicas"),
        cells.age(obj, now),
    ]


def pod_template_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a PodTemplate; it shows no age."""
    del now
    template = obj.get("template")
    return [
        cells.name(obj),
        *cells.containers(dig(template, "spec")),
        cells.labels(dig(template, "metadata", "labels")),
    ]
