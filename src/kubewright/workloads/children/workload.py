"""What runs an application's pods: a Deployment, a StatefulSet, a Job or a CronJob."""

from __future__ import annotations

from typing import Any

from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.jobs import AppServiceJob
from kubewright.api.crds.appservice.spec import JOB
from kubewright.api.meta import Manifest
from kubewright.workloads.children.identity import child, labels, present, selector
from kubewright.workloads.children.pod import pod_template
from kubewright.workloads.children.services import PODS_SUFFIX
from kubewright.workloads.children.volumes import binds_to_one_node, claim_templates

_SURGE = "25%"


def workload(app: AppService) -> Manifest | None:
    """Return what runs the application's pods; nothing does for a mere alias."""
    match app.spec.form:
        case "alias":
            return None
        case "stateful":
            return stateful_set(app)
        case "job":
            return job(app)
        case "cron":
            return cron_job(app)
        case _:
            return deployment(app)


def deployment(app: AppService) -> Manifest:
    """Return the Deployment of interchangeable pods."""
    rollout = app.spec.rollout
    spec = {
        **_replicas(app),
        "selector": {"matchLabels": selector(app)},
        "strategy": _strategy(app),
        "revisionHistoryLimit": rollout.history,
        "progressDeadlineSeconds": rollout.deadline_seconds,
        "template": pod_template(app),
    }
    return child(app, DEPLOYMENTS, spec=spec)


def stateful_set(app: AppService) -> Manifest:
    """Return the StatefulSet of pods with names and volumes that stay."""
    retention = "Delete" if any(v.template is not None and v.template.delete for v in app.spec.volumes) else "Retain"
    spec = {
        **_replicas(app),
        "selector": {"matchLabels": selector(app)},
        "serviceName": f"{app.metadata.name}{PODS_SUFFIX}" if app.spec.ports else "",
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "revisionHistoryLimit": app.spec.rollout.history,
        "template": pod_template(app),
        **present(volumeClaimTemplates=claim_templates(app)),
    }
    if "volumeClaimTemplates" in spec:
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": retention, "whenScaled": "Retain"}
    return child(app, STATEFUL_SETS, spec=spec)


def job(app: AppService) -> Manifest:
    """Return the Job. It is kept by us, not by a time to live: a job that is gone would be run again."""
    return child(app, JOBS, spec=_job_spec(app))


def cron_job(app: AppService) -> Manifest:
    """Return the CronJob."""
    said = app.spec.job or AppServiceJob()
    template = _job_spec(app) | present(ttlSecondsAfterFinished=said.keep_seconds or None)
    spec = {
        "schedule": app.spec.schedule,
        "concurrencyPolicy": said.concurrency,
        "startingDeadlineSeconds": said.starting_deadline_seconds,
        "suspend": said.suspend,
        "jobTemplate": {"metadata": {"labels": labels(app)}, "spec": template},
        **present(timeZone=said.time_zone),
    }
    return child(app, CRON_JOBS, spec=spec)


def _job_spec(app: AppService) -> dict[str, Any]:
    said = app.spec.job or AppServiceJob()
    spec: dict[str, Any] = {
        "completions": said.completions,
        "parallelism": said.parallelism,
        "backoffLimit": said.retries,
        "completionMode": "Indexed" if said.indexed else "NonIndexed",
        "template": pod_template(app, restartPolicy="Never"),
        **present(activeDeadlineSeconds=said.deadline_seconds or None),
    }
    if app.spec.form == JOB:
        spec["suspend"] = said.suspend
    return spec


def _replicas(app: AppService) -> dict[str, int]:
    """Return the number of pods, unless it is an autoscaler's to choose."""
    return {} if app.spec.scaling is not None else {"replicas": app.spec.replicas}


def _strategy(app: AppService) -> dict[str, Any]:
    if binds_to_one_node(app):
        return {"type": "Recreate"}
    said = app.spec.rollout
    surge = said.max_surge if said.max_surge != "" else _SURGE
    unavailable = said.max_unavailable if said.max_unavailable != "" else 0
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
