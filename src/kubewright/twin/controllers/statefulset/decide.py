"""What a StatefulSet needs next: pods in order, claims before them, and updates from the highest ordinal down. Pure.

The rules are kube-controller-manager's (`stateful_set_control.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.apps import STATEFUL_SETS, Partition, StatefulSet
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.api.volumes import CLAIMS
from kubewright.twin.controllers.availability import amount, available_after_seconds, is_available
from kubewright.twin.controllers.statefulset.pods import (
    claim_names,
    healthy,
    make_claims,
    make_pod,
    ordinal_of,
    revision_of,
    runs,
)
from kubewright.twin.controllers.writes import Announce, Create, Patch, Remove, Write


@dataclass(frozen=True, slots=True)
class Revisions:
    """The names of the present revision and of the wanted one, with their templates."""

    current: str
    update: str
    current_template: Mapping[str, Any]
    update_template: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """A StatefulSet with all that its next step depends on."""

    stateful_set: StatefulSet
    revisions: Revisions
    wanted: Mapping[int, Pod | None]
    """The pods by wanted ordinal; None where there is none."""
    condemned: Sequence[Pod]
    """Pods that are not wanted, the highest ordinal first."""
    claims: Mapping[str, KubeObject]
    """The namespace's claims by name."""
    now: float

    @classmethod
    def of(
        cls,
        stateful_set: StatefulSet,
        revisions: Revisions,
        pods: Sequence[Pod],
        claims: Mapping[str, KubeObject],
        now: float,
    ) -> View:
        """Sort pods into wanted and condemned."""
        start = stateful_set.spec.ordinals.start
        numbered = {number: pod for pod in pods if (number := ordinal_of(stateful_set, pod)) is not None}
        wanted = {number: numbered.pop(number, None) for number in range(start, start + stateful_set.spec.replicas)}
        condemned = [numbered[number] for number in sorted(numbered, reverse=True)]
        return cls(stateful_set, revisions, wanted, condemned, claims, now)

    @property
    def pods(self) -> list[Pod]:
        """Return all pods."""
        return [pod for pod in (*self.wanted.values(), *self.condemned) if pod is not None]

    @property
    def ordered(self) -> bool:
        """Whether each step waits for the one before."""
        return self.stateful_set.spec.pod_management_policy == "OrderedReady"

    def healthy(self, pod: Pod) -> bool:
        """Tell whether a pod runs well."""
        return healthy(self.stateful_set, pod, self.now)


@dataclass(slots=True)
class Steps:
    """Writes in order."""

    writes: list[Write] = field(default_factory=list[Write])


def decide(view: View) -> list[Write]:
    """Return the next writes: what is missing, then what is too much, then what is old."""
    steps = Steps()
    if _fill(view, steps) and _shrink(view, steps):
        _update(view, steps)
    return steps.writes


def _fill(view: View, steps: Steps) -> bool:
    """Make the wanted pods; return whether to go on."""
    for ordinal, pod in view.wanted.items():
        if pod is None:
            _create(view, ordinal, steps)
            if view.ordered:
                return False
        elif pod.is_finished:
            _recreate(view, pod, steps)
            if view.ordered:
                return False
        else:
            if pod.status.phase == "Pending":
                _claim(view, ordinal, steps)
            if view.ordered and not view.healthy(pod):
                return False
    return True


def _create(view: View, ordinal: int, steps: Steps) -> None:
    stateful_set, revisions = view.stateful_set, view.revisions
    _claim(view, ordinal, steps)
    update = stateful_set.spec.update_strategy
    partition = (update.rolling_update or Partition()).partition
    old = update.type == "RollingUpdate" and ordinal < stateful_set.spec.ordinals.start + partition
    template = revisions.current_template if old else revisions.update_template
    pod = make_pod(stateful_set, template, ordinal, revisions.current if old else revisions.update)
    name = pod["metadata"]["name"]
    steps.writes += [Create(PODS, pod, once=True), _told(view, "SuccessfulCreate", f"Create Pod {name}")]


def _claim(view: View, ordinal: int, steps: Steps) -> None:
    name = f"{view.stateful_set.metadata.name}-{ordinal}"
    for claim in make_claims(view.stateful_set, ordinal):
        claim_name = claim["metadata"]["name"]
        if claim_name not in view.claims:
            text = f"Create Claim {claim_name} Pod {name} in StatefulSet {view.stateful_set.metadata.name} success"
            steps.writes += [
                Create(CLAIMS, claim, once=True),
                Announce(STATEFUL_SETS, view.stateful_set, "Normal", "SuccessfulCreate", text),
            ]


def _recreate(view: View, pod: Pod, steps: Steps) -> None:
    """A pod that has ended makes room for another."""
    if pod.is_terminating:
        return
    failed = pod.status.phase == "Failed"
    reason, what = ("RecreatingFailedPod", "failed") if failed else ("RecreatingTerminatedPod", "terminated")
    name = view.stateful_set.metadata.name
    text = f"StatefulSet {view.stateful_set.metadata.namespace}/{name} is recreating {what} Pod {pod.metadata.name}"
    steps.writes.append(Announce(STATEFUL_SETS, view.stateful_set, "Warning" if failed else "Normal", reason, text))
    _delete(view, pod, steps)


def _shrink(view: View, steps: Steps) -> bool:
    """Delete what is not wanted; return whether to go on."""
    unhealthy = [pod for pod in (*view.wanted.values(), *reversed(view.condemned)) if pod and not view.healthy(pod)]
    first = unhealthy[0] if unhealthy else None
    for pod in view.condemned:
        if pod.is_terminating:
            if view.ordered:
                return False
            continue
        if view.ordered and not (runs(pod) and view.healthy(pod)) and pod is not first:
            return False
        _release_claims(view, pod, steps)
        _delete(view, pod, steps)
        if view.ordered:
            return False
    return True


def _release_claims(view: View, pod: Pod, steps: Steps) -> None:
    """With whenScaled: Delete the claims go with the pod that is not wanted any more."""
    if view.stateful_set.spec.persistent_volume_claim_retention_policy.when_scaled != "Delete":
        return
    ordinal = ordinal_of(view.stateful_set, pod)
    names = claim_names(view.stateful_set, ordinal) if ordinal is not None else {}
    for name in names.values():
        claim = view.claims.get(name)
        if claim is not None and all(ref.uid != pod.metadata.uid for ref in claim.metadata.owner_references):
            reference = {"apiVersion": "v1", "kind": "Pod", "name": pod.metadata.name, "uid": pod.metadata.uid}
            changes = {"metadata": {"ownerReferences": [reference]}}
            key = ObjectKey(claim.metadata.namespace, name)
            steps.writes.append(Patch(CLAIMS, key, claim.metadata.uid, changes))


def _update(view: View, steps: Steps) -> None:
    """Delete pods of other revisions, the highest ordinal first, as many at a time as may be unavailable."""
    strategy = view.stateful_set.spec.update_strategy
    if strategy.type != "RollingUpdate":
        return
    rolling = strategy.rolling_update or Partition()
    spec = view.stateful_set.spec
    least = spec.ordinals.start + rolling.partition
    targets = [pod for number, pod in sorted(view.wanted.items(), reverse=True) if number >= least and pod]
    most = max(amount(rolling.max_unavailable or 1, spec.replicas, round_up=True), 1)
    allowed = most - sum(not view.healthy(pod) for pod in targets)
    old = [pod for pod in targets if revision_of(pod) != view.revisions.update and not pod.is_terminating]
    for pod in old[: max(allowed, 0)]:
        _delete(view, pod, steps)


def _delete(view: View, pod: Pod, steps: Steps) -> None:
    steps.writes += [
        Remove(PODS, pod.key, pod.metadata.uid),
        _told(view, "SuccessfulDelete", f"Delete Pod {pod.metadata.name}"),
    ]


def _told(view: View, reason: str, what: str) -> Announce:
    text = f"{what} in StatefulSet {view.stateful_set.metadata.name} successful"
    return Announce(STATEFUL_SETS, view.stateful_set, "Normal", reason, text)


def status_of(view: View) -> dict[str, Any]:
    """Count the pods; when all are of the wanted revision it becomes the present one."""
    stateful_set, revisions, pods = view.stateful_set, view.revisions, view.pods
    ready = [pod for pod in pods if runs(pod)]
    least = stateful_set.spec.min_ready_seconds
    staying = [revision_of(pod) for pod in pods if not pod.is_terminating]
    current, current_count = revisions.current, staying.count(revisions.current)
    updated = staying.count(revisions.update)
    rolling = stateful_set.spec.update_strategy.type == "RollingUpdate"
    if rolling and updated == len(pods) == len(ready):
        current, current_count = revisions.update, updated
    return {
        "observedGeneration": stateful_set.metadata.generation,
        "replicas": len(pods),
        "readyReplicas": len(ready),
        "availableReplicas": sum(is_available(pod, least, view.now) for pod in ready),
        "currentReplicas": current_count,
        "updatedReplicas": updated,
        "currentRevision": current,
        "updateRevision": revisions.update,
        "collisionCount": stateful_set.status.collision_count or 0,
    }


def look_again_seconds(view: View) -> float:
    """Return after how long the next ready pod counts as available; 0 for none."""
    least = view.stateful_set.spec.min_ready_seconds
    waits = (available_after_seconds(pod, least, view.now) for pod in view.pods if pod.is_ready)
    return min((wait for wait in waits if wait > 0), default=0.0)
