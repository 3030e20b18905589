"""ControllerRevisions: the templates that a set has had, for `kubectl rollout history` and `undo`. Pure.

The present template's revision is the one with the highest number. An earlier template that comes back takes its
revision, and so its hash, with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kubewright.api.apps import CONTROLLER_REVISIONS, ControllerRevision
from kubewright.api.meta import KubeObject, Manifest, Resource
from kubewright.api.owners import owner_reference
from kubewright.twin.controllers.hashes import short_hash
from kubewright.twin.controllers.writes import Create, Patch, Remove, Write

O = TypeVar("O", bound=KubeObject)  # noqa: E741  the owner


@dataclass(frozen=True, slots=True)
class Present:
    """The revision of the present template, and what is to be written so that it is there with the highest number."""

    name: str
    hash: str
    writes: tuple[Write, ...]


def present(
    owner: O, kind: Resource[O], template: Mapping[str, Any], revisions: Sequence[ControllerRevision], label: str
) -> Present:
    """Find or make the revision of a template; `label` holds its hash."""
    newest = max((each.revision for each in revisions), default=0)
    equal = [each for each in revisions if template_of(each) == template]
    if not equal:
        digest = short_hash(template)
        manifest = _manifest(owner, kind, template, (label, digest))
        manifest["revision"] = newest + 1
        return Present(manifest["metadata"]["name"], digest, (Create(CONTROLLER_REVISIONS, manifest, once=True),))
    found = max(equal, key=lambda each: each.revision)
    digest = found.metadata.labels.get(label, "")
    if found.revision == newest:
        return Present(found.metadata.name, digest, ())
    bump = Patch(CONTROLLER_REVISIONS, found.key, found.metadata.uid, {"revision": newest + 1})
    return Present(found.metadata.name, digest, (bump,))


def template_of(revision: ControllerRevision) -> Mapping[str, Any]:
    """Return the template that a revision brings back."""
    template = revision.data.get("spec", {}).get("template", {})
    return {key: value for key, value in template.items() if key != "$patch"}


def outdated(revisions: Sequence[ControllerRevision], used: Collection[str], limit: int) -> list[Remove]:
    """Return the deletion of the oldest revisions beyond the limit, of those whose names are not in use."""
    idle = sorted((each for each in revisions if each.metadata.name not in used), key=lambda each: each.revision)
    excess = idle[: max(len(idle) - limit, 0)]
    return [Remove(CONTROLLER_REVISIONS, each.key, each.metadata.uid) for each in excess]


def _manifest(owner: O, kind: Resource[O], template: Mapping[str, Any], hash_label: tuple[str, str]) -> Manifest:
    label, digest = hash_label
    labels = template.get("metadata", {}).get("labels", {})
    metadata: Manifest = {
        "name": f"{owner.metadata.name}-{digest}",
        "namespace": owner.metadata.namespace,
        "labels": {**labels, label: digest},
        "ownerReferences": [owner_reference(owner, kind)],
    }
    if owner.metadata.annotations:
        metadata["annotations"] = dict(owner.metadata.annotations)
    return {
        "apiVersion": CONTROLLER_REVISIONS.api_version,
        "kind": CONTROLLER_REVISIONS.kind,
        "metadata": metadata,
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
    }
