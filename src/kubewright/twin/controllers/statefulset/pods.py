"""A StatefulSet's pods and claims: their names, what they are made from, and how they fare. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubewright.api.apps import STATEFUL_SETS, StatefulSet
from kubewright.api.core import Pod
from kubewright.api.meta import Manifest
from kubewright.api.owners import owner_reference
from kubewright.api.workload import REVISION_HASH
from kubewright.twin.controllers.availability import is_available
from kubewright.twin.controllers.podwrites import pod_manifest

_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
_INDEX_LABEL = "apps.kubernetes.io/pod-index"
_ORDINAL = re.compile(r"(.*)-([0-9]+)")


def ordinal_of(stateful_set: StatefulSet, pod: Pod) -> int | None:
    """Return the number in a pod's name, if it is one of the set's names."""
    found = _ORDINAL.fullmatch(pod.metadata.name)
    return int(found[2]) if found and found[1] == stateful_set.metadata.name else None


def make_pod(stateful_set: StatefulSet, template: Mapping[str, Any], ordinal: int, revision: str) -> Manifest:
    """Return the pod of an ordinal."""
    name = f"{stateful_set.metadata.name}-{ordinal}"
    manifest = pod_manifest(stateful_set, STATEFUL_SETS, template)
    own = {REVISION_HASH: revision, _NAME_LABEL: name, _INDEX_LABEL: str(ordinal)}
    metadata: Manifest = {**manifest["metadata"], "name": name}
    metadata["labels"] = {**metadata.get("labels", {}), **own}
    spec: Manifest = {**manifest["spec"], "hostname": name}
    if stateful_set.spec.service_name:
        spec["subdomain"] = stateful_set.spec.service_name
    claims = claim_names(stateful_set, ordinal)
    if claims:
        given: list[Manifest] = spec.get("volumes") or []
        others = [each for each in given if each["name"] not in claims]
        volumes = [{"name": volume, "persistentVolumeClaim": {"claimName": name}} for volume, name in claims.items()]
        spec["volumes"] = [*volumes, *others]
    return {**manifest, "metadata": metadata, "spec": spec}


def claim_names(stateful_set: StatefulSet, ordinal: int) -> dict[str, str]:
    """Return an ordinal's claims by the names of their volumes."""
    names = [each["metadata"]["name"] for each in stateful_set.spec.volume_claim_templates]
    return {name: f"{name}-{stateful_set.metadata.name}-{ordinal}" for name in names}


def make_claims(stateful_set: StatefulSet, ordinal: int) -> list[Manifest]:
    """Return the claims of an ordinal."""
    names = claim_names(stateful_set, ordinal)
    goes = stateful_set.spec.persistent_volume_claim_retention_policy.when_deleted == "Delete"
    claims: list[Manifest] = []
    for template in stateful_set.spec.volume_claim_templates:
        given: Manifest = template["metadata"]
        metadata: Manifest = {
            "name": names[given["name"]],
            "namespace": stateful_set.metadata.namespace,
            "labels": {**given.get("labels", {}), **stateful_set.spec.selector.match_labels},
        }
        if given.get("annotations"):
            metadata["annotations"] = given["annotations"]
        if goes:
            metadata["ownerReferences"] = [owner_reference(stateful_set, STATEFUL_SETS)]
        claims.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": metadata,
                "spec": template.get("spec", {}),
            }
        )
    return claims


def revision_of(pod: Pod) -> str:
    """Return the name of the revision that a pod is made from."""
    return pod.metadata.labels.get(REVISION_HASH, "")


def runs(pod: Pod) -> bool:
    """Tell whether a pod runs and is ready."""
    return pod.status.phase == "Running" and pod.is_ready


def healthy(stateful_set: StatefulSet, pod: Pod, now: float) -> bool:
    """Tell whether a pod has run for long enough and is to stay."""
    available = is_available(pod, stateful_set.spec.min_ready_seconds, now)
    return runs(pod) and available and not pod.is_terminating
