"""What runs pods, in figures: how many of them are what they should be, and what keeps the others from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubewright.api.conditions import Condition, find_condition
from kubewright.api.live import LiveObject
from kubewright.api.meta import parse_time
from kubewright.workloads.health import WorkloadStatus, status_of
from kubewright.workloads.rollout.releases import release_label

_OVERDUE = "ProgressDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The pods of one Deployment or StatefulSet."""

    release: str
    """The one that it was told to run."""
    wanted: int
    ready: int
    """Of that release."""
    complete: bool
    """Whether all are of that release and available, and no others are left."""
    overdue: str = ""
    refused: str = ""
    """Why its pods cannot be made: a quota, a policy, a webhook."""
    refused_since: float | None = None


def fleet_of(live: LiveObject | None) -> Fleet | None:
    """Read a Deployment or a StatefulSet."""
    if live is None:
        return None
    spec, status = live.spec, status_of(live)
    wanted = int(spec.get("replicas", 1))
    seen = status.observed_generation >= live.metadata.generation
    ready = min(status.updated_replicas, status.ready_replicas, status.available_replicas) if seen else 0
    template: Mapping[str, Any] = spec.get("template", {})
    progress, failure = (find_condition(status.conditions, each) for each in ("Progressing", "ReplicaFailure"))
    refused = seen and failure is not None and failure.is_true
    return Fleet(
        release=release_label(template),
        wanted=wanted,
        ready=ready,
        complete=seen and status.replicas == status.updated_replicas == ready == wanted and _is_current(status),
        overdue=_overdue(progress) if seen else "",
        refused=failure.message if refused and failure is not None else "",
        refused_since=_since(failure) if refused else None,
    )


def _is_current(status: WorkloadStatus) -> bool:
    """Whether a StatefulSet has finished an update; a Deployment has no such revisions."""
    return status.current_revision == status.update_revision


def _overdue(progress: Condition | None) -> str:
    late = progress is not None and progress.reason == _OVERDUE
    return (progress.message or _OVERDUE) if late and progress is not None else ""


def _since(condition: Condition | None) -> float | None:
    return parse_time(condition.last_transition_time) if condition and condition.last_transition_time else None
