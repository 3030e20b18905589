"""Pods that a controller wants and has not made: a quota may be in the way, and a what-if makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.apps import ReplicaSet, StatefulSet
from kubewright.api.batch import Job
from kubewright.api.core import Pod
from kubewright.api.meta import KubeObject, ObjectMeta, OwnerReference, controller_of
from kubewright.api.pods import PodSpec
from kubewright.api.priorities import SYSTEM_CLASSES, PriorityClass
from kubewright.api.replication import ReplicationController
from kubewright.explain.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Missing:
    """Pods that are wanted and not there."""

    owner: KubeObject
    kind: str
    count: int
    pod: Pod
    """What the next one would be."""

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.owner.metadata.name}"


def missing(cluster: Cluster) -> Iterator[Missing]:
    """Yield what each replica set, stateful set, replication controller and job lacks."""
    present: dict[str, int] = {}
    for pod in cluster.pods:
        owner = controller_of(pod)
        if owner is not None and not pod.is_finished and not pod.is_terminating:
            present[owner.uid] = present.get(owner.uid, 0) + 1
    others = (each for each in cluster.makers if isinstance(each, ReplicationController))
    for owner in (*cluster.replica_sets.values(), *cluster.stateful_sets.values(), *cluster.jobs.values(), *others):
        wanted = _wanted(owner)
        count = wanted - present.get(owner.metadata.uid, 0)
        if count > 0:
            yield Missing(owner, type(owner).__name__, count, new_pod(owner, cluster.classes))


def new_pod(owner: ReplicaSet | StatefulSet | Job | ReplicationController, classes: Iterable[PriorityClass]) -> Pod:
    """Return the next pod of a controller, as admission leaves it."""
    metadata = owner.metadata
    kind = type(owner).__name__
    version = {"Job": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    reference = OwnerReference(version, kind, metadata.name, metadata.uid, controller=True)
    return pod_of(owner.spec.template, metadata.namespace, f"{metadata.name}-new", (reference,), classes)


def pod_of(
    template: Mapping[str, Any],
    namespace: str,
    name: str,
    owners: tuple[OwnerReference, ...] = (),
    classes: Iterable[PriorityClass] = (),
) -> Pod:
    """Return the pod that a template makes."""
    spec = msgspec.convert(template.get("spec") or {}, PodSpec)
    given = msgspec.convert(template.get("metadata") or {}, ObjectMeta)
    meta = ObjectMeta(name, namespace, f"{namespace}/{name}", labels=given.labels, owner_references=owners)
    return Pod(metadata=meta, spec=msgspec.structs.replace(spec, priority=_priority(spec, classes)))


def _priority(spec: PodSpec, classes: Iterable[PriorityClass]) -> int:
    """Return what the priority admission plugin would set."""
    name = spec.priority_class_name
    if name in SYSTEM_CLASSES:
        return SYSTEM_CLASSES[name]
    found = [each.value for each in classes if (each.metadata.name == name if name else each.global_default)]
    return max(found, default=spec.priority)


def _wanted(owner: ReplicaSet | StatefulSet | Job | ReplicationController) -> int:
    if not isinstance(owner, Job):
        return owner.spec.replicas
    spec, status = owner.spec, owner.status
    if spec.suspend or any(each.type in {"Complete", "Failed"} and each.status == "True" for each in status.conditions):
        return 0
    left = spec.parallelism if spec.completions is None else spec.completions - status.succeeded
    return min(spec.parallelism, left)
