"""A Deployment's status: its counts, and the conditions that `kubectl rollout status` and `wait` read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kubewright.api.apps import Deployment, DeploymentCondition, ReplicaSet
from kubewright.api.conditions import Condition, find_condition
from kubewright.api.meta import Manifest, parse_time, rfc3339
from kubewright.twin.controllers.deployment.rollout import Limits, total

AVAILABLE = "Available"
PROGRESSING = "Progressing"
FAILURE = "ReplicaFailure"
NEW_AVAILABLE = "NewReplicaSetAvailable"
CREATED = "NewReplicaSetCreated"
FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"
NO_DEADLINE_SECONDS = 2**31 - 1

Conditions = tuple[DeploymentCondition, ...]


def counts(deployment: Deployment, sets: Sequence[ReplicaSet], new: ReplicaSet | None) -> dict[str, int]:
    """Add up the sets' statuses."""
    available = sum(each.status.available_replicas for each in sets)
    return {
        "observedGeneration": deployment.metadata.generation,
        "replicas": sum(each.status.replicas for each in sets),
        "updatedReplicas": new.status.replicas if new else 0,
        "readyReplicas": sum(each.status.ready_replicas for each in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(total(sets) - available, 0),
        "terminatingReplicas": sum(each.status.terminating_replicas or 0 for each in sets),
        "collisionCount": deployment.status.collision_count,
    }


def is_complete(deployment: Deployment, counted: dict[str, int]) -> bool:
    """Tell whether all pods are of the present template and available, and no others are left."""
    wanted = deployment.spec.replicas
    return (
        counted["updatedReplicas"] == counted["replicas"] == counted["availableReplicas"] == wanted
        and counted["observedGeneration"] >= deployment.metadata.generation
    )


def with_condition(conditions: Conditions, said: DeploymentCondition, now: float) -> Conditions:
    """Return the conditions with this one, at the end if it says anything new; same status and reason is no news."""
    old = find_condition(conditions, said.type)
    if old is not None and old.status == said.status and old.reason == said.reason:
        return conditions
    return (*_without(conditions, said.type), _stamped(said, old, now))


def _stamped(said: DeploymentCondition, old: Condition | None, now: float) -> DeploymentCondition:
    stamp = rfc3339(now)
    since = old.last_transition_time if old is not None and old.status == said.status else None
    return msgspec.structs.replace(said, last_transition_time=since or stamp, last_update_time=stamp)


def _without(conditions: Conditions, type_: str) -> Conditions:
    return tuple(each for each in conditions if each.type != type_)


def has_deadline(deployment: Deployment) -> bool:
    """Tell whether the Deployment wants to be told that it is stuck."""
    return deployment.spec.progress_deadline_seconds != NO_DEADLINE_SECONDS


def on_new_set(deployment: Deployment, conditions: Conditions, name: str, now: float, *, created: bool) -> Conditions:
    """Note that there is a set for the present template; one that was found is news only without any condition."""
    if not has_deadline(deployment) or (not created and find_condition(conditions, PROGRESSING) is not None):
        return conditions
    text = f'Created new replica set "{name}"' if created else f'Found new replica set "{name}"'
    return with_condition(
        conditions, DeploymentCondition(PROGRESSING, "True", CREATED if created else FOUND, text), now
    )


def on_pause(deployment: Deployment, conditions: Conditions, now: float) -> Conditions:
    """Note a pause, so that its time does not count towards the deadline, and its end."""
    old = find_condition(conditions, PROGRESSING)
    if not has_deadline(deployment) or (old is not None and old.reason == TIMED_OUT):
        return conditions
    was_paused = old is not None and old.reason == PAUSED
    if deployment.spec.paused and not was_paused:
        return with_condition(
            conditions, DeploymentCondition(PROGRESSING, "Unknown", PAUSED, "Deployment is paused"), now
        )
    if not deployment.spec.paused and was_paused:
        return with_condition(
            conditions, DeploymentCondition(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed"), now
        )
    return conditions


def availability(deployment: Deployment, conditions: Conditions, counted: dict[str, int], now: float) -> Conditions:
    """Say whether the minimum of pods is available."""
    if counted["availableReplicas"] >= deployment.spec.replicas - Limits.of(deployment).unavailable:
        text = "Deployment has minimum availability."
        return with_condition(conditions, DeploymentCondition(AVAILABLE, "True", "MinimumReplicasAvailable", text), now)
    text = "Deployment does not have minimum availability."
    return with_condition(conditions, DeploymentCondition(AVAILABLE, "False", "MinimumReplicasUnavailable", text), now)


def progress(
    deployment: Deployment, conditions: Conditions, counted: dict[str, int], new: ReplicaSet | None, now: float
) -> Conditions:
    """Say whether the rollout is done, goes on, or has not moved for longer than its deadline."""
    if not has_deadline(deployment):
        return _without(conditions, PROGRESSING)
    old = find_condition(deployment.status.conditions, PROGRESSING)
    if counted["replicas"] == counted["updatedReplicas"] and old is not None and old.reason == NEW_AVAILABLE:
        return conditions
    subject = f'ReplicaSet "{new.metadata.name}"' if new else f'Deployment "{deployment.metadata.name}"'
    if is_complete(deployment, counted):
        text = f"{subject} has successfully progressed."
        return with_condition(conditions, DeploymentCondition(PROGRESSING, "True", NEW_AVAILABLE, text), now)
    if _moved(deployment, counted):
        return _moving(conditions, f"{subject} is progressing.", now)
    if _timed_out(deployment, conditions, now):
        text = f"{subject} has timed out progressing."
        return with_condition(conditions, DeploymentCondition(PROGRESSING, "False", TIMED_OUT, text), now)
    return conditions


def _moved(deployment: Deployment, counted: dict[str, int]) -> bool:
    before = deployment.status
    return (
        counted["updatedReplicas"] > before.updated_replicas
        or counted["replicas"] - counted["updatedReplicas"] < before.replicas - before.updated_replicas
        or counted["readyReplicas"] > before.ready_replicas
        or counted["availableReplicas"] > before.available_replicas
    )


def _moving(conditions: Conditions, text: str, now: float) -> Conditions:
    """Replace the condition even if it says the same: its update time is what the deadline counts from."""
    old = find_condition(conditions, PROGRESSING)
    return (
        *_without(conditions, PROGRESSING),
        _stamped(DeploymentCondition(PROGRESSING, "True", UPDATED, text), old, now),
    )


def deadline_at(deployment: Deployment, conditions: Conditions) -> float | None:
    """Return when the rollout counts as stuck unless it moves; None when nothing is awaited."""
    current = next((each for each in conditions if each.type == PROGRESSING), None)
    if not has_deadline(deployment) or current is None or current.reason in {NEW_AVAILABLE, TIMED_OUT}:
        return None
    return parse_time(current.last_update_time or "") + deployment.spec.progress_deadline_seconds


def _timed_out(deployment: Deployment, conditions: Conditions, now: float) -> bool:
    at = deadline_at(deployment, conditions)
    return at is not None and at < now


def failures(sets: Sequence[ReplicaSet], new: ReplicaSet | None, conditions: Conditions, now: float) -> Conditions:
    """Carry over a set's failure to create or delete pods, the present one's before the others'."""
    for each in (*((new,) if new else ()), *sets):
        failure = find_condition(each.status.conditions, FAILURE)
        if failure is not None:
            return with_condition(
                conditions, DeploymentCondition(FAILURE, failure.status, failure.reason, failure.message), now
            )
    return _without(conditions, FAILURE)


def changes(deployment: Deployment, counted: dict[str, int], conditions: Conditions) -> dict[str, Any]:
    """Return the fields of status that differ from what the object has; none means nothing to write."""
    present = deployment.status
    before = {
        "observedGeneration": present.observed_generation,
        "replicas": present.replicas,
        "updatedReplicas": present.updated_replicas,
        "readyReplicas": present.ready_replicas,
        "availableReplicas": present.available_replicas,
        "unavailableReplicas": present.unavailable_replicas,
        "terminatingReplicas": present.terminating_replicas,
        "collisionCount": present.collision_count,
    }
    changed: dict[str, Any] = {name: value for name, value in counted.items() if before[name] != value}
    if conditions != present.conditions:
        changed["conditions"] = [written(condition) for condition in conditions]
    return changed


def written(condition: DeploymentCondition) -> Manifest:
    """Return a condition as it is written."""
    return {
        "type": condition.type,
        "status": condition.status,
        "lastUpdateTime": condition.last_update_time,
        "lastTransitionTime": condition.last_transition_time,
        "reason": condition.reason,
        "message": condition.message,
    }
