"""Releases: what tells one from another, and where old ones are kept. Pure.

A release is a pod template. Its digest is on the template as a label, so that every pod and every ReplicaSet says which
release it is of. A Deployment's ReplicaSets, or a StatefulSet's ControllerRevisions, are the history: nothing of ours
is kept beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.apps import ControllerRevision, ReplicaSet
from kubewright.api.meta import EMPTY, Manifest, controller_of
from kubewright.api.revisions import revision_of
from kubewright.api.workload import TEMPLATE_HASH

RELEASE_LABEL = "app.example.com/release"
TRACK_LABEL = "app.example.com/track"
"""On every pod: which of two Deployments it is of. Always, so that a Service may come to ask for it at any time."""
STABLE_TRACK, TRIAL_TRACK = "stable", "trial"
_EARLIER = "deployment.kubernetes.io/revision-history"
_OURS = frozenset({RELEASE_LABEL, TRACK_LABEL, TEMPLATE_HASH})


def release_of(template: Mapping[str, Any]) -> str:
    """Return the digest of a template as it is written, without the labels that say where it stands."""
    text = msgspec.json.encode(_with_labels(template, {}), order="deterministic")
    return hashlib.sha256(text).hexdigest()[:10]


def labelled(template: Mapping[str, Any], release: str, track: str) -> Manifest:
    """Return the template with the labels of a release and a track."""
    return _with_labels(template, {RELEASE_LABEL: release, TRACK_LABEL: track})


def release_label(template: Mapping[str, Any]) -> str:
    """Return the release that a template says it is of."""
    return template.get("metadata", EMPTY).get("labels", EMPTY).get(RELEASE_LABEL, "")


def _with_labels(template: Mapping[str, Any], added: Mapping[str, str]) -> Manifest:
    metadata = template.get("metadata", {})
    kept = {name: value for name, value in metadata.get("labels", {}).items() if name not in _OURS}
    known = {name: value for name, value in metadata.items() if name not in {"labels", "creationTimestamp"}}
    return {**template, "metadata": {**known, "labels": {**kept, **added}}}


@dataclass(frozen=True, slots=True)
class Revision:
    """A template that the application has had."""

    number: int
    earlier: tuple[int, ...]
    """Numbers that it had before it was run again."""
    release: str
    template: Mapping[str, Any]
    created: float
    """Seconds since 1970."""
    replicas: int

    @property
    def images(self) -> tuple[str, ...]:
        """Return what its containers run."""
        return tuple(each.get("image", "") for each in self.template.get("spec", {}).get("containers", ()))


def revisions_of(deployment_uid: str, sets: Iterable[ReplicaSet]) -> list[Revision]:
    """Return what a Deployment's ReplicaSets keep, the newest revision first."""
    found = [_revision(each) for each in sets if (ref := controller_of(each)) is not None and ref.uid == deployment_uid]
    return sorted(found, key=lambda revision: revision.number, reverse=True)


def set_revisions_of(
    uid: str, revisions: Iterable[ControllerRevision], pods: Mapping[str, int] = EMPTY
) -> list[Revision]:
    """Return what a StatefulSet's revisions keep, the newest first; `pods` counts those of each by its name."""
    found: list[Revision] = []
    for each in revisions:
        ref = controller_of(each)
        if ref is None or ref.uid != uid:
            continue
        kept: Mapping[str, Any] = each.data.get("spec", EMPTY).get("template", EMPTY)
        template = {name: value for name, value in kept.items() if name != "$patch"}
        found.append(
            Revision(
                number=each.revision,
                earlier=(),
                release=release_label(template),
                template=template,
                created=each.metadata.created_at,
                replicas=pods.get(each.metadata.name, 0),
            )
        )
    return sorted(found, key=lambda revision: revision.number, reverse=True)


def template_of(release: str, revisions: Sequence[Revision]) -> Mapping[str, Any] | None:
    """Return a release's template: the oldest's, since somebody may have edited a Deployment that bore its label."""
    mine = [each for each in revisions if each.release == release]
    return min(mine, key=lambda each: (each.created, each.number)).template if mine else None


def numbered(number: int, revisions: Sequence[Revision]) -> Revision | None:
    """Return the revision that has a number, or had it before it was run again."""
    return next((each for each in revisions if number == each.number or number in each.earlier), None)


def _revision(each: ReplicaSet) -> Revision:
    annotations = each.metadata.annotations
    earlier = tuple(int(text) for text in annotations.get(_EARLIER, "").split(",") if text.isdecimal())
    return Revision(
        number=revision_of(each),
        earlier=earlier,
        release=release_label(each.spec.template),
        template=each.spec.template,
        created=each.metadata.created_at,
        replicas=each.spec.replicas,
    )
