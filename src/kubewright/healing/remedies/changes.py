"""Taking a change back: what somebody changed, made or deleted of late is as it was before. Pure."""

from __future__ import annotations

from typing import Any

from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, Resource
from kubewright.api.plan import Apply, Delete, Patch, Plan, Write, as_seen
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.remedies.releases import keeper_of
from kubewright.healing.seen import Seen
from kubewright.signals.changes import Changed

_KEPT = ("labels", "annotations")
_DRAWN = frozenset({"clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy"})
"""What the server gave the object that is gone, and will give the new one."""


def take_back(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Undo the last change of what the finding is about, once; not where its keeper would change it again."""
    del now
    changed = seen.changes.of(finding.about.resource, finding.about.key)
    if changed is None or finding.details.get("changedAt", str(changed.at)) != str(changed.at):
        return Plan((), f"{finding.about} has been changed again")
    subject = changed.after or changed.before
    if subject is None or keeper_of(subject):
        return None
    action = _undoing(changed, finding.about.resource)
    return Plan((action,), f"the last change of {finding.about} did harm")


def _undoing(changed: Changed, resource: Resource[Any]) -> Write:
    if changed.before is None:
        assert changed.after is not None  # noqa: S101  one of the two is there
        return Delete(resource, changed.key, changed.after.metadata.uid)
    if changed.after is None:
        return Apply(resource, _manifest(changed.before, resource), only_new=True)
    spec = {"op": "replace", "path": "/spec", "value": _good_spec(changed.before, changed.after)}
    return Patch(resource, changed.key, changed.after.metadata.uid, (as_seen(changed.after), spec), "put the spec back")


def _good_spec(before: LiveObject, after: LiveObject) -> Manifest:
    """Return the spec to go back to; of one that was made anew meanwhile, what it was given stays its own."""
    if before.metadata.uid == after.metadata.uid:
        return dict(before.spec)
    return _without_drawn(before) | {name: value for name, value in after.spec.items() if name in _DRAWN}


def _manifest(live: LiveObject, resource: Resource[Any]) -> Manifest:
    metadata = {"name": live.metadata.name, "namespace": live.metadata.namespace}
    kept = {name: dict(found) for name in _KEPT if (found := getattr(live.metadata, name))}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata | kept,
        "spec": _without_drawn(live),
    }


def _without_drawn(live: LiveObject) -> Manifest:
    return {name: value for name, value in live.spec.items() if name not in _DRAWN}


TAKE_BACK = Remedy("take the change back", Safety.LOCAL, take_back, within_seconds=60.0)
