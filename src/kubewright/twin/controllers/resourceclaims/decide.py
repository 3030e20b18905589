"""Which claims a pod still needs, and what they are like. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubewright.api.meta import Manifest
from kubewright.api.pods import Pod, PodResourceClaim
from kubewright.twin.reading import as_dict, dig

ANNOTATION = "resource.kubernetes.io/pod-claim-name"
_LONGEST_BASE = 57


def wanted(pod: Pod, known: Mapping[str, str]) -> Iterator[PodResourceClaim]:
    """Yield what a living pod asks for by template and has no claim for; `known` are claims by the pod's own names."""
    if pod.metadata.deletion_timestamp is not None or pod.is_finished:
        return
    for each in pod.spec.resource_claims:
        if each.resource_claim_template_name and each.name not in known:
            yield each


def claim_of(pod: Pod, name: str, template: Manifest) -> Manifest:
    """Return the claim that a template makes for a pod; its owner takes it along when it goes."""
    metadata = as_dict(dig(template, "spec", "metadata"))
    annotations = {**as_dict(metadata.get("annotations")), ANNOTATION: name}
    owner = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": pod.metadata.name,
        "uid": pod.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    labels = as_dict(metadata.get("labels"))
    made: Manifest = {
        "generateName": _base(pod.metadata.name, name),
        "namespace": pod.metadata.namespace,
        "annotations": annotations,
        "ownerReferences": [owner],
        **({"labels": labels} if labels else {}),
    }
    head = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim"}
    return {**head, "metadata": made, "spec": as_dict(dig(template, "spec", "spec"))}


def _base(pod: str, claim: str) -> str:
    """Begin a claim's name by the pod's and its own, both shortened alike when they are long."""
    whole = f"{pod}-{claim}-"
    if len(whole) <= _LONGEST_BASE:
        return whole
    return f"{pod[: len(pod) * _LONGEST_BASE // len(whole)]}-{claim[: len(claim) * _LONGEST_BASE // len(whole)]}"
