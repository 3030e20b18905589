"""What a ReplicaSet needs: as many pods as wanted, made from the template, and a status that counts them. Pure.

A ReplicationController needs the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from kubewright.api.apps import ReplicaSet
from kubewright.api.conditions import Condition, find_condition, remove_condition, set_condition
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, Resource
from kubewright.api.replication import ReplicationController
from kubewright.errors import OpError
from kubewright.twin.controllers.availability import available_after_seconds
from kubewright.twin.controllers.podwrites import pod_manifest
from kubewright.twin.controllers.replicaset.victims import victims
from kubewright.twin.controllers.writes import Create, Remove

BURST = 500
"""At most so many pods are created or deleted at a time."""
_FAILURE = "ReplicaFailure"

Replicated: TypeAlias = ReplicaSet | ReplicationController


@dataclass(frozen=True, slots=True)
class Counted:
    """The pods of a ReplicaSet that count, and those that are on their way out."""

    active: tuple[Pod, ...]
    terminating: tuple[Pod, ...]

    @classmethod
    def of(cls, pods: Iterable[Pod]) -> Counted:
        """Sort pods; those that have ended count for nothing."""
        living = [pod for pod in pods if not pod.is_finished]
        return cls(
            tuple(pod for pod in living if not pod.is_terminating),
            tuple(pod for pod in living if pod.is_terminating),
        )


def scale(
    replica_set: Replicated, kind: Resource[Any], pods: Sequence[Pod], neighbours: Mapping[str, int]
) -> list[Create] | list[Remove]:
    """Return what brings the active pods to the wanted number, at most `BURST` writes of it.

    `neighbours` says how many pods of the same owner each node has: of equals, those on the fullest nodes go first.
    """
    missing = replica_set.spec.replicas - len(pods)
    if missing > 0:
        return [
            Create(PODS, pod_manifest(replica_set, kind, replica_set.spec.template)) for _ in range(min(missing, BURST))
        ]
    doomed = victims(pods, min(-missing, BURST), neighbours)
    return [Remove(PODS, pod.key, pod.metadata.uid) for pod in doomed]


def status_of(replica_set: Replicated, pods: Counted, now: float, failure: OpError | None = None) -> dict[str, Any]:
    """Count the pods; a `failure` to create or delete becomes the ReplicaFailure condition."""
    labels = replica_set.spec.template.get("metadata", {}).get("labels", {})
    ready = [pod for pod in pods.active if pod.is_ready]
    available = [pod for pod in ready if available_after_seconds(pod, replica_set.spec.min_ready_seconds, now) == 0]
    status = {
        "replicas": len(pods.active),
        "fullyLabeledReplicas": sum(labels.items() <= dict(pod.metadata.labels).items() for pod in pods.active),
        "readyReplicas": len(ready),
        "availableReplicas": len(available),
        "observedGeneration": replica_set.metadata.generation,
        "conditions": _conditions(replica_set, pods, now, failure),
    }
    if isinstance(replica_set, ReplicaSet):
        status["terminatingReplicas"] = len(pods.terminating)
    return status


def _conditions(replica_set: Replicated, pods: Counted, now: float, failure: OpError | None) -> list[Manifest]:
    conditions = replica_set.status.conditions
    if failure is None:
        conditions = remove_condition(conditions, _FAILURE)
    elif find_condition(conditions, _FAILURE) is None:
        reason = "FailedCreate" if len(pods.active) < replica_set.spec.replicas else "FailedDelete"
        conditions = set_condition(
            conditions, Condition(_FAILURE, status="True", reason=reason, message=failure.detail), now
        )
    return [written(condition) for condition in conditions]


def written(condition: Condition) -> Manifest:
    """Return a condition of the apps group as it is written."""
    fields = {
        "type": condition.type,
        "status": condition.status,
        "lastTransitionTime": condition.last_transition_time,
        "reason": condition.reason,
        "message": condition.message,
    }
    return {name: value for name, value in fields.items() if value}


def present_status(replica_set: Replicated) -> dict[str, Any]:
    """Return the status that the object has, in the form of `status_of`."""
    status = replica_set.status
    return {
        "replicas": status.replicas,
        "fullyLabeledReplicas": status.fully_labeled_replicas,
        "readyReplicas": status.ready_replicas,
        "availableReplicas": status.available_replicas,
        "terminatingReplicas": status.terminating_replicas,
        "observedGeneration": status.observed_generation,
        "conditions": [written(condition) for condition in status.conditions],
    }
