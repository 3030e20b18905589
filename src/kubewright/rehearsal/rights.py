"""What rehearsing takes besides what keeping AppServices takes: reading, no more."""

from __future__ import annotations

from kubewright.api.meta import Manifest, PartialObject, Resource
from kubewright.api.rights import rule
from kubewright.rehearsal.reading import PARTS
from kubewright.workloads.kinds import CHILD_KINDS

_KEPT = {(each.group, each.plural) for each in CHILD_KINDS}
_OTHERWISE = _KEPT | {("", "pods"), ("apps", "replicasets"), ("apps", "controllerrevisions")}


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace that the AppServices' controller has not yet."""
    kinds = {(each.kind.group, each.kind.plural): each.kind for each in PARTS if not _is_named(each.field_selector)}
    return [
        rule(Resource(kind.group, kind.version, kind.plural, kind.kind, PartialObject), ("list",))
        for place, kind in kinds.items()
        if place not in _OTHERWISE
    ]


def _is_named(field_selector: str) -> bool:
    """Whether one object is meant, which is read anyway: a definition."""
    return field_selector.startswith("metadata.name=")
