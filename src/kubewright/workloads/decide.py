"""What is to be done about one AppService: pure, from what is wanted and what was observed to a Plan.

The order of a plan is the mission's: the finalizer before the first child, children before the status that speaks of
them. A plan without actions means that all is as it should be, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.crds.appservice import APP_SERVICES, AppService, problems
from kubewright.api.drift import covers
from kubewright.api.meta import Manifest, controller_of
from kubewright.api.plan import Action, Announce, Apply, Delete, Plan, SetFinalizers
from kubewright.workloads import children
from kubewright.workloads.health import Health, assess, status_manifest
from kubewright.workloads.observed import CHILD_DEPLOYMENTS, CHILD_SERVICES, Child, Observed, owned_by

FINALIZER = "kubewright.dev/appservice"


def decide(app: AppService, observed: Observed, now: float, *, status_served: bool = True) -> Plan:
    """Return what brings the AppService and its children from what was observed to what is wanted.

    `status_served` is False where somebody's CRD has no status subresource: then no status is written.
    """
    if app.metadata.deletion_timestamp is not None:
        return _clean_up(app, observed)
    actions: list[Action] = []
    if FINALIZER not in app.metadata.finalizers:
        actions.append(_finalizers(app, (*app.metadata.finalizers, FINALIZER)))
    refusal = _refusal(app, observed)
    if refusal is None:
        actions += _children(app, observed)
    else:
        actions += _announce_once(app, refusal)
    health = refusal or assess(app, observed.deployment)
    status = status_manifest(app, health, observed.deployment, now) if status_served else None
    if status is not None:
        actions.append(Apply(APP_SERVICES, status, subresource="status"))
    return Plan(tuple(actions), health.message)


def _clean_up(app: AppService, observed: Observed) -> Plan:
    remaining = [(resource, child) for resource, child in observed.existing() if owned_by(app, child)]
    if remaining:
        return Plan(
            tuple(
                Delete(resource, child.key, child.metadata.uid)
                for resource, child in remaining
                if child.metadata.deletion_timestamp is None
            ),
            "deleted: its children go first",
        )
    if FINALIZER in app.metadata.finalizers:
        left = tuple(name for name in app.metadata.finalizers if name != FINALIZER)
        return Plan((_finalizers(app, left),), "deleted, and nothing of it is left")
    return Plan((), "deleted: others' finalizers hold it")


def _finalizers(app: AppService, finalizers: tuple[str, ...]) -> SetFinalizers:
    return SetFinalizers(APP_SERVICES, app.key, app.metadata.resource_version, finalizers)


def _refusal(app: AppService, observed: Observed) -> Health | None:
    """Say why nothing can be made of the application: its own fields, or a child's name that is taken."""
    wrong = problems(app)
    if wrong:
        return Health(ready=False, reason="InvalidSpec", message="; ".join(wrong), stalled=True)
    for resource, child in observed.existing():
        if not owned_by(app, child):
            owner = controller_of(child)
            holder = f"belongs to {owner.kind} {owner.name}" if owner else "was made by someone else"
            message = f"{resource.kind} {child.key} {holder}: rename the AppService or remove it"
            return Health(ready=False, reason="NameTaken", message=message, stalled=True)
    return None


def _announce_once(app: AppService, refusal: Health) -> Iterator[Action]:
    if all(condition.message != refusal.message for condition in app.status.conditions):
        yield Announce("Warning", refusal.reason, refusal.message)


def _children(app: AppService, observed: Observed) -> Iterator[Action]:
    yield from _child(app, children.deployment(app), observed.deployment)
    service = children.service(app)
    if service is not None:
        yield from _child(app, service, observed.service)
    elif observed.service is not None:
        yield Delete(CHILD_SERVICES, observed.service.key, observed.service.metadata.uid)
        yield Announce("Normal", "Pruned", f"Service {observed.service.key}: the application has no ports any more")


def _child(app: AppService, desired: Manifest, live: Child | None) -> Iterator[Action]:
    if live is not None and _unchanged(app, desired, live):
        return
    resource = CHILD_DEPLOYMENTS if desired["kind"] == CHILD_DEPLOYMENTS.kind else CHILD_SERVICES
    yield Apply(resource, desired, or_replace=_replaceable(desired, live))
    yield Announce("Normal", _verb(app, live), f"{resource.kind} {app.key}")


def _replaceable(desired: Manifest, live: Child | None) -> str:
    """Return the uid of a child that was as we want it and was edited since; one whose owner changes is kept."""
    if live is None or not covers(live.metadata.annotations, desired["metadata"]["annotations"]):
        return ""
    return live.metadata.uid


def _unchanged(app: AppService, desired: Manifest, live: Child) -> bool:
    owner = controller_of(live)
    metadata = desired["metadata"]
    return (
        owner is not None
        and owner.uid == app.metadata.uid
        and covers(live.metadata.labels, metadata["labels"])
        and covers(live.metadata.annotations, metadata["annotations"])
        and covers(live.spec, desired["spec"])
    )


def _verb(app: AppService, live: Child | None) -> str:
    seen_before = app.status.observed_generation == app.metadata.generation
    if live is None:
        return "Recreated" if seen_before else "Created"
    return "Repaired" if seen_before else "Updated"
