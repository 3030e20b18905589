"""Revisions: which ReplicaSet has the Deployment's template, and what `kubectl rollout history` reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS, Deployment, ReplicaSet
from kubewright.api.meta import Manifest
from kubewright.api.owners import owner_reference
from kubewright.api.revisions import REVISION, revision_of, without_hash
from kubewright.api.workload import TEMPLATE_HASH
from kubewright.twin.controllers.deployment.rollout import DESIRED, MAX_REPLICAS, Limits, oldest_first
from kubewright.twin.controllers.hashes import short_hash

HISTORY = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAX_REPLICAS,
     "deprecated.deployment.rollback.to"}
)  # fmt: skip


def find_new(deployment: Deployment, sets: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """Return the oldest set whose template is the Deployment's: so a rollback uses the set that is there."""
    wanted = without_hash(deployment.spec.template)
    return next((each for each in oldest_first(sets) if without_hash(each.spec.template) == wanted), None)


def template_hash(deployment: Deployment) -> str:
    """Return ten letters that the template and the number of collisions determine."""
    return short_hash((deployment.spec.template, deployment.status.collision_count))


def next_revision(old: Sequence[ReplicaSet]) -> int:
    """Return the revision after the old sets'."""
    return max((revision_of(each) for each in old), default=0) + 1


def new_set(deployment: Deployment, revision: int, replicas: int) -> Manifest:
    """Return the ReplicaSet of the Deployment's template."""
    digest = template_hash(deployment)
    template = deployment.spec.template
    metadata = template.get("metadata", {})
    labels = {**metadata.get("labels", {}), TEMPLATE_HASH: digest}
    selector = msgspec.to_builtins(deployment.spec.selector)
    selector = {name: value for name, value in selector.items() if value}
    return {
        "apiVersion": REPLICA_SETS.api_version,
        "kind": REPLICA_SETS.kind,
        "metadata": {
            "name": f"{deployment.metadata.name}-{digest}",
            "namespace": deployment.metadata.namespace,
            "labels": labels,
            "annotations": {**_copied(deployment), REVISION: str(revision), **sizes(deployment)},
            "ownerReferences": [owner_reference(deployment, DEPLOYMENTS)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": deployment.spec.min_ready_seconds,
            "selector": {**selector, "matchLabels": {**selector.get("matchLabels", {}), TEMPLATE_HASH: digest}},
            "template": {**template, "metadata": {**metadata, "labels": labels}},
        },
    }


def sizes(deployment: Deployment) -> dict[str, str]:
    """Return the annotations that tell a later pass whether `replicas` was changed meanwhile."""
    wanted = deployment.spec.replicas
    return {DESIRED: str(wanted), MAX_REPLICAS: str(wanted + Limits.of(deployment).surge)}


def kept_annotations(deployment: Deployment, new: ReplicaSet, revision: int) -> dict[str, str]:
    """Return the annotations that the present set lacks: the Deployment's own, and a revision if it is back."""
    wanted = _copied(deployment)
    present = new.metadata.annotations
    before = revision_of(new)
    if before < revision:
        wanted[REVISION] = str(revision)
        if before:
            earlier = present.get(HISTORY, "")
            wanted[HISTORY] = f"{earlier},{before}" if earlier else str(before)
    return {key: value for key, value in wanted.items() if present.get(key) != value}


def _copied(deployment: Deployment) -> dict[str, str]:
    return {key: value for key, value in deployment.metadata.annotations.items() if key not in _NOT_COPIED}
