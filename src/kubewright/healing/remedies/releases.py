"""Going back to what ran before. Pure.

What a controller of ours or a GitOps tool looks after is not rolled back here: it would be put forward again at once.
"""

from __future__ import annotations

from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS, Deployment, ReplicaSet
from kubewright.api.meta import KubeObject, controller_of
from kubewright.api.plan import Patch, Plan, as_seen
from kubewright.api.revisions import revision_of, without_hash
from kubewright.healing.annotating import annotated
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.seen import Seen

_GITOPS_LABELS = ("argocd.argoproj.io/instance", "kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
BAD_REVISIONS = "kubewright.dev/bad-revisions"
"""The annotation in which a Deployment keeps from which of its revisions it was rolled back, the last one last.

None of them is gone back to: of two bad releases in a row, one would be taken back to the other. A release that its
owner brings anew has a revision of its own.
"""
_MOST_REMEMBERED = 10
_GITOPS_ANNOTATIONS = ("argocd.argoproj.io/tracking-id",)


def keeper_of(obj: KubeObject) -> str:
    """Return who looks after an object, so that nobody else is to change it; empty where nobody does."""
    owner = controller_of(obj)
    if owner is not None:
        return f"{owner.kind} {owner.name}"
    metadata = obj.metadata
    for name in (*(each for each in _GITOPS_LABELS if each in metadata.labels), *_GITOPS_ANNOTATIONS):
        if name in metadata.labels or name in metadata.annotations:
            return f"what {name.split('/')[0]} names"
    return ""


def revisions(fleet: Deployment, seen: Seen) -> list[ReplicaSet]:
    """Return a Deployment's ReplicaSets, the newest first."""
    return sorted(seen.owned(REPLICA_SETS, fleet.metadata.uid), key=revision_of, reverse=True)


def rollback(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Put a Deployment's template back to that of the last release not known to be bad; nothing more once it is."""
    del now
    fleet = seen.get(DEPLOYMENTS, finding.about.key) if finding.about.resource is DEPLOYMENTS else None
    if fleet is None or keeper_of(fleet):
        return None
    known = revisions(fleet, seen)
    bad = next((each for each in known if each.metadata.name == finding.details.get("release")), None)
    if bad is None or len(known) < 2:  # noqa: PLR2004  the bad one and one to go back to
        return None
    if without_hash(bad.spec.template) != without_hash(fleet.spec.template):
        return Plan((), f"{finding.about} runs another release than {bad.metadata.name} by now")
    bad_ones = (*_bad_revisions(fleet), str(revision_of(bad)))
    good = next((each for each in known if each is not bad and str(revision_of(each)) not in bad_ones), None)
    if good is None:
        return None
    operations = (
        as_seen(fleet),
        annotated(fleet, BAD_REVISIONS, ",".join(bad_ones[-_MOST_REMEMBERED:])),
        {"op": "replace", "path": "/spec/template", "value": without_hash(good.spec.template)},
    )
    says = f"roll back to revision {revision_of(good)}"
    action = Patch(DEPLOYMENTS, fleet.key, fleet.metadata.uid, operations, says)
    return Plan((action,), f"the release {bad.metadata.name} of {finding.about} is bad")


def _bad_revisions(fleet: Deployment) -> tuple[str, ...]:
    return tuple(filter(None, fleet.metadata.annotations.get(BAD_REVISIONS, "").split(",")))


ROLL_BACK = Remedy("roll back", Safety.LOCAL, rollback, within_seconds=90.0)
"""To the last release that is not known to be bad."""


def leave_to_keeper(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Wait for whoever looks after the workload, such as an AppService, which takes bad releases back by itself."""
    del now
    obj = seen.get(finding.about.resource, finding.about.key)
    owner = keeper_of(obj) if obj is not None else ""
    return Plan((), f"{owner} looks after {finding.about}") if owner else None


LEAVE_TO_KEEPER = Remedy("leave it to its keeper", Safety.HARMLESS, leave_to_keeper, within_seconds=300.0)
