"""From the state of the children to the AppService's status, with conditions in kstatus form."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from kubewright.api.conditions import READY, RECONCILING, STALLED, Condition, find_condition, set_condition
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.meta import Manifest
from kubewright.workloads.children import selector
from kubewright.workloads.observed import Child, ChildStatus

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Health:
    """How an application is; `stalled` means that waiting will not help."""

    ready: bool
    reason: str
    message: str
    stalled: bool = False


def assess(app: AppService, deployment: Child | None) -> Health:
    """Judge a Deployment as `kubectl rollout status` does: seen, all updated, none left over, all available."""
    deadline = _exceeded(deployment) if deployment else ""
    if deadline:
        return Health(ready=False, reason=DEADLINE_EXCEEDED, message=deadline, stalled=True)
    wanted = app.spec.replicas
    status = deployment.status if deployment else ChildStatus()
    seen = deployment is not None and status.observed_generation >= deployment.metadata.generation
    # One message for every step of a rollout: each new text would be one more write for each application.
    current = min(status.updated_replicas, status.ready_replicas, status.available_replicas) if seen else 0
    old = max(0, status.replicas - status.updated_replicas)
    if seen and current >= wanted and not old:
        return Health(ready=True, reason="Available", message=f"all {wanted} replicas are ready")
    remaining = f", {old} old remain" if seen and old else ""
    message = f"{min(current, wanted)} of {wanted} replicas are up to date and ready{remaining}"
    return Health(ready=False, reason="Progressing", message=message)


def _exceeded(deployment: Child) -> str:
    progress = find_condition(deployment.status.conditions, "Progressing")
    if progress is None or progress.reason != DEADLINE_EXCEEDED:
        return ""
    return progress.message or DEADLINE_EXCEEDED


def conditions_of(app: AppService, health: Health, now: float) -> tuple[Condition, ...]:
    """Return the conditions: Ready always; Reconciling and Stalled are True while they last and else False."""
    reconciling = not health.ready and not health.stalled
    conditions = app.status.conditions
    for kind, holds in ((READY, health.ready), (RECONCILING, reconciling), (STALLED, health.stalled)):
        condition = Condition(
            type=kind,
            status="True" if holds else "False",
            reason=health.reason,
            message=health.message,
            observed_generation=app.metadata.generation,
        )
        conditions = set_condition(conditions, condition, now)
    return conditions


def status_manifest(app: AppService, health: Health, deployment: Child | None, now: float) -> Manifest | None:
    """Return the status to apply, or None if the object has it already."""
    observed = deployment.status if deployment else ChildStatus()
    conditions = conditions_of(app, health, now)
    present = app.status
    unchanged = (
        present.ready == health.ready
        and present.replicas == observed.replicas
        and present.ready_replicas == observed.ready_replicas
        and present.observed_generation == app.metadata.generation
        and present.conditions == conditions
    )
    if unchanged:
        return None
    return {
        "apiVersion": APP_SERVICES.api_version,
        "kind": APP_SERVICES.kind,
        "metadata": {"name": app.metadata.name, "namespace": app.metadata.namespace},
        "status": {
            "ready": health.ready,
            "replicas": observed.replicas,
            "readyReplicas": observed.ready_replicas,
            "observedGeneration": app.metadata.generation,
            "selector": ",".join(f"{name}={value}" for name, value in selector(app).items()),
            "conditions": [msgspec.to_builtins(condition) for condition in conditions],
        },
    }
