"""A Deployment's revisions, as its ReplicaSets tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubewright.api.apps import Deployment, ReplicaSet
from kubewright.api.workload import TEMPLATE_HASH

REVISION = "deployment.kubernetes.io/revision"
"""The annotation that numbers them."""


def revision_of(each: ReplicaSet | Deployment) -> int:
    """Return the revision that the object carries, 0 for none."""
    text = each.metadata.annotations.get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def without_hash(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a template without the label that tells a ReplicaSet's pods apart: as its Deployment has it."""
    metadata = template.get("metadata", {})
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key != TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}
