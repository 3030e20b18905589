"""From what was seen of the children to how the application is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.conditions import Condition, find_condition, is_true
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.spec import ALIAS, CRON, JOB
from kubewright.api.live import LiveObject
from kubewright.workloads.children.routes import http_route
from kubewright.workloads.children.virtualservice import VIRTUAL_SERVICE
from kubewright.workloads.kinds import (
    CHILD_CRON_JOBS,
    CHILD_DEPLOYMENTS,
    CHILD_JOBS,
    CHILD_SERVICES,
    CHILD_STATEFUL_SETS,
    HTTP_ROUTES,
    VIRTUAL_SERVICES,
)
from kubewright.workloads.seen import Seen
from kubewright.workloads.troubles import Trouble, of_creation, worst

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
COMPLETED = "Completed"


class WorkloadStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How far a workload has come; each kind has some of it."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    succeeded: int = 0
    active: Any = 0
    """How many pods of a Job run; the Jobs of a CronJob, as references."""
    conditions: tuple[Condition, ...] = ()
    current_revision: str = ""
    update_revision: str = ""
    """Of a StatefulSet: what its old pods are, and its new ones; the same when it is done."""


@dataclass(frozen=True, slots=True)
class Health:
    """How an application is; `stalled` means that waiting will not help."""

    ready: bool
    reason: str
    message: str
    stalled: bool = False


def status_of(live: LiveObject | None) -> WorkloadStatus:
    """Read the status of a workload; of none there is nothing."""
    return msgspec.convert(live.status, WorkloadStatus) if live is not None else WorkloadStatus()


def assess(app: AppService, seen: Seen, *, changing: bool = False) -> Health:
    """Judge an application by what runs its pods, and say what is in the way if it is not well.

    While that is `changing`, what was seen of it speaks of what it was before.
    """
    health = _of_workload(app, seen)
    if changing and health.ready:
        return Health(ready=False, reason="Progressing", message="a change is being made")
    if health.ready:
        return _of_route(app, seen) or health
    trouble = worst(each for each in (seen.trouble, _refused_pods(app, seen)) if each is not None)
    if trouble is None:
        return health
    return Health(
        ready=False, reason=trouble.reason, message=trouble.message, stalled=trouble.stalled or health.stalled
    )


def _of_workload(app: AppService, seen: Seen) -> Health:
    form = app.spec.form
    if form == ALIAS:
        return _of_alias(app, seen)
    kind = {JOB: CHILD_JOBS, CRON: CHILD_CRON_JOBS, "stateful": CHILD_STATEFUL_SETS}.get(form, CHILD_DEPLOYMENTS)
    live = seen.child(app, kind)
    match form:
        case "job":
            return _of_job(app, live)
        case "cron":
            return _of_cron_job(app, live)
        case _:
            return _of_replicas(app, live)


def _of_replicas(app: AppService, live: LiveObject | None) -> Health:
    """Judge a Deployment as `kubectl rollout status` does: seen, all updated, none left over, all available."""
    status = status_of(live)
    deadline = _exceeded(status)
    if deadline:
        return Health(ready=False, reason=DEADLINE_EXCEEDED, message=deadline, stalled=True)
    wanted = wanted_replicas(app, live)
    seen = live is not None and status.observed_generation >= live.metadata.generation
    # One message for every step of a rollout: each new text would be one more write for each application.
    current = min(status.updated_replicas, status.ready_replicas, status.available_replicas) if seen else 0
    old = max(0, status.replicas - status.updated_replicas)
    if seen and current >= wanted and not old:
        return Health(ready=True, reason="Available", message=f"all {wanted} replicas are ready")
    remaining = f", {old} old remain" if seen and old else ""
    message = f"{min(current, wanted)} of {wanted} replicas are up to date and ready{remaining}"
    return Health(ready=False, reason="Progressing", message=message)


def wanted_replicas(app: AppService, live: LiveObject | None) -> int:
    """Return how many pods there should be: what the application says, or what its autoscaler has chosen."""
    if app.spec.scaling is None:
        return app.spec.replicas
    chosen: Any = live.spec.get("replicas") if live is not None else None
    return chosen if isinstance(chosen, int) else app.spec.scaling.min


def _exceeded(status: WorkloadStatus) -> str:
    progress = find_condition(status.conditions, "Progressing")
    if progress is None or progress.reason != DEADLINE_EXCEEDED:
        return ""
    return progress.message or DEADLINE_EXCEEDED


def _of_job(app: AppService, live: LiveObject | None) -> Health:
    status = status_of(live)
    failed = find_condition(status.conditions, "Failed")
    if failed is not None and failed.is_true:
        return Health(
            ready=False, reason=failed.reason or "Failed", message=failed.message or "it failed", stalled=True
        )
    if is_true(status.conditions, "Complete") or (live is None and has_completed(app)):
        return Health(ready=True, reason=COMPLETED, message="the job has run to its end")
    if is_true(status.conditions, "Suspended"):
        return Health(ready=False, reason="Suspended", message="the job is suspended")
    wanted = app.spec.job.completions if app.spec.job is not None else 1
    return Health(ready=False, reason="Running", message=f"{status.succeeded} of {wanted} completions have succeeded")


def has_completed(app: AppService) -> bool:
    """Whether the status says that this generation of a job has run to its end: it is not run again."""
    ready = find_condition(app.status.conditions, "Ready")
    present = app.status.observed_generation == app.metadata.generation
    return present and ready is not None and ready.is_true and ready.reason == COMPLETED


def _of_cron_job(app: AppService, live: LiveObject | None) -> Health:
    if live is None:
        return Health(ready=False, reason="Progressing", message="the schedule is being set")
    zone = f" ({app.spec.job.time_zone})" if app.spec.job is not None and app.spec.job.time_zone else ""
    suspended = app.spec.job is not None and app.spec.job.suspend
    message = f"runs at {app.spec.schedule}{zone}" if not suspended else "its schedule is suspended"
    return Health(ready=True, reason="Suspended" if suspended else "Scheduled", message=message)


def _of_alias(app: AppService, seen: Seen) -> Health:
    if seen.child(app, CHILD_SERVICES) is not None:
        return Health(ready=True, reason="Available", message="the name is there")
    return Health(ready=False, reason="Progressing", message="the name is being made")


def _of_route(app: AppService, seen: Seen) -> Health | None:
    """Return what is wrong with the way to an application whose pods are well."""
    if app.spec.rollout.traffic == VIRTUAL_SERVICE and VIRTUAL_SERVICES not in seen.kinds:
        message = "the cluster has no VirtualServices: install Istio, or set rollout.traffic to auto"
        return Health(ready=False, reason="KindMissing", message=message, stalled=True)
    if http_route(app) is None:
        return None
    if HTTP_ROUTES not in seen.kinds:
        message = "the cluster has no HTTPRoutes: install the Gateway API, or remove expose.gateway"
        return Health(ready=False, reason="KindMissing", message=message, stalled=True)
    live = seen.child(app, HTTP_ROUTES)
    parents = live.status.get("parents", ()) if live is not None else ()
    for parent in parents:
        accepted = find_condition(msgspec.convert(parent.get("conditions", ()), tuple[Condition, ...]), "Accepted")
        if accepted is not None and accepted.status == "False":
            message = f"the Gateway does not take its route: {accepted.message or accepted.reason}"
            return Health(ready=False, reason="RouteRefused", message=message, stalled=True)
    return None


def _refused_pods(app: AppService, seen: Seen) -> Trouble | None:
    """Return why pods that are missing cannot be made: a quota, Pod Security, an admission policy."""
    live = seen.workload(app)
    status = status_of(live)
    failure = find_condition(status.conditions, "ReplicaFailure")
    if failure is not None and failure.is_true:
        return of_creation(failure.message)
    missing = not status.active if app.spec.runs_to_its_end else status.replicas < wanted_replicas(app, live)
    return seen.refusal if missing else None
