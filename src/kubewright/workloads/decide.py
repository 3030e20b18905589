"""From an AppService and what was seen of its cluster to a Plan.

The order of a plan is the mission's: the finalizer before the first child, children before the status that speaks of
them. A plan without actions means that all is as it should be, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kubewright.api.applyset import ApplySet, identity
from kubewright.api.core import CONFIG_MAPS, PODS
from kubewright.api.crds.appservice import APP_SERVICES, AppService, problems
from kubewright.api.crds.appservice.rolloutstatus import REHEARSING
from kubewright.api.crds.appservice.spec import JOB
from kubewright.api.drift import with_fingerprint
from kubewright.api.finalizers import hold, is_going, let_go
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, Resource, parse_time
from kubewright.api.plan import Action, Announce, Apply, Delete, Plan, Scale
from kubewright.api.volumes import CLAIMS
from kubewright.workloads.children import NAME_LABEL, wanted
from kubewright.workloads.children.virtualservice import beside_others
from kubewright.workloads.health import Health, assess, has_completed
from kubewright.workloads.immutable import advice, fixed_fields
from kubewright.workloads.kinds import (
    CHILD_DEPLOYMENTS,
    CHILD_JOBS,
    CHILD_SERVICES,
    CHILD_STATEFUL_SETS,
    VIRTUAL_SERVICES,
    WORKLOADS,
    runner_of,
)
from kubewright.workloads.rollout.decide import REHEARSAL_FAILED
from kubewright.workloads.rollout.standing import standing
from kubewright.workloads.rollout.words import ROLLED_BACK_REASON, announcements
from kubewright.workloads.seen import Seen
from kubewright.workloads.status import status_manifest

FINALIZER = "kubewright.dev/appservice"
DEADLINE_SECONDS = 300.0
"""How long children may take to go before the application goes without them."""

_HOLD_DATA = frozenset({CHILD_STATEFUL_SETS.kind, CLAIMS.kind})
"""What is never made anew because a server refuses to change it as we wish."""
_ORPHAN = "orphan"
"""The finalizer of `kubectl delete --cascade=orphan`: the children are to stay."""


def desired(app: AppService, kinds: tuple[Resource[LiveObject], ...]) -> tuple[Manifest, ...]:
    """Return the children that the application asks for, of the kinds that the cluster serves, as its own."""
    if is_going(app) or problems(app):
        return ()
    served = {(kind.api_version, kind.kind) for kind in kinds}
    owned = apply_set(app, kinds)
    return tuple(
        with_fingerprint(each.manifest) if each.kept else owned.child(each.manifest)
        for each in wanted(app)
        if (each.manifest["apiVersion"], each.manifest["kind"]) in served
    )


def apply_set(app: AppService, kinds: tuple[Resource[LiveObject], ...]) -> ApplySet:
    """Return the set that the application's children form."""
    return ApplySet(app, APP_SERVICES, kinds, labels={NAME_LABEL: app.metadata.name})


def decide(app: AppService, children: tuple[Manifest, ...], seen: Seen, now: float) -> Plan:
    """Return what brings the application and its children from what was seen to what is `desired`."""
    if is_going(app):
        return _clean_up(app, seen, now)
    actions: list[Action] = list(hold(app, APP_SERVICES, FINALIZER))
    health = _refusal(app, children, seen)
    if health is not None:
        return Plan((*actions, *_tell(app, health, seen, now)), health.message)
    made = tuple(_converge(app, children, seen))
    changing = any(isinstance(each, Apply) and each.resource in WORKLOADS for each in made)
    health = standing(app, seen.rollout, assess(app, seen, changing=changing))
    told = tuple(_tell(app, health, seen, now))
    if seen.rollout.moves(app):
        # A rollout's move is written down before it is carried out: who is killed in between finds it there.
        moved = announcements(app, app.status.rollout, seen.rollout.state, seen.rollout.rehearsed)
        return Plan((*actions, *told, *moved, *made), health.message)
    return Plan((*actions, *made, *told), health.message)


def refused(app: AppService, seen: Seen, why: str, now: float) -> Plan:
    """Return what tells that the API server refused a child: a quota, an admission policy, an older version."""
    health = Health(ready=False, reason="Refused", message=why, stalled=True)
    return Plan(tuple(_tell(app, health, seen, now)), why)


def _clean_up(app: AppService, seen: Seen, now: float) -> Plan:
    if _ORPHAN in app.metadata.finalizers:
        return Plan(let_go(app, APP_SERVICES, FINALIZER), "deleted, and its children are to stay")
    owned = apply_set(app, seen.kinds)
    remaining = owned.remaining(seen.children)
    late = now - parse_time(app.metadata.deletion_timestamp or "1970-01-01T00:00:00Z") > DEADLINE_SECONDS
    if remaining and not late:
        return Plan(owned.dismantle(seen.children), "deleted: its children go first")
    release = let_go(app, APP_SERVICES, FINALIZER)
    if remaining and release:
        names = ", ".join(f"{kind.kind} {live.key}" for kind, live in remaining)
        message = f"gone without waiting longer for {names}"
        return Plan((*release, Announce("Warning", "DeadlineExceeded", message)), message)
    return Plan(release, "deleted, and nothing of it is left" if release else "deleted: others' finalizers hold it")


def _refusal(app: AppService, children: tuple[Manifest, ...], seen: Seen) -> Health | None:
    """Say why nothing is made of the application: its fields, a name that is taken, a child that cannot change so."""
    wrong = problems(app)
    if wrong:
        return Health(ready=False, reason="InvalidSpec", message="; ".join(wrong), stalled=True)
    taken = apply_set(app, seen.kinds).taken(children, seen.children)
    if taken:
        message = f"{'; '.join(taken)}: rename the AppService or remove it"
        return Health(ready=False, reason="NameTaken", message=message, stalled=True)
    for manifest in children:
        live = seen.children.at(manifest) if manifest["kind"] == CHILD_STATEFUL_SETS.kind else None
        if live is not None and (fields := fixed_fields(manifest, live)):
            return Health(ready=False, reason="ImmutableField", message=advice(live, fields), stalled=True)
    return None


def _converge(app: AppService, children: tuple[Manifest, ...], seen: Seen) -> Iterator[Action]:
    for action in apply_set(app, seen.kinds).converge(_to_run(app, children, seen), seen.children):
        if _waits(action, seen):
            continue
        match action:
            case Apply(resource, manifest):
                live = seen.children.at(manifest)
                if live is not None and app.spec.scaling is not None:
                    yield from _keep_replicas(app, resource, live)
                yield _onto(action, live) if live is not None else action
                yield Announce("Normal", _verb(app, live), f"{resource.kind} {action.key}")
            case Delete(resource, key) if resource.kind == CONFIG_MAPS.kind and key.name in seen.needed_files:
                continue
            case Delete(resource, key):
                yield action
                yield Announce("Normal", "Pruned", f"{resource.kind} {key}: it is not asked for any more")
            case _:
                yield action
    yield from _bound_replicas(app, seen)
    for pod in seen.rollout.stuck:
        yield Delete(PODS, pod.key, pod.metadata.uid)
        yield Announce("Normal", "PodReplaced", f"Pod {pod.key}: not ready, and of a release that is not to run")


def _onto(action: Apply, live: LiveObject) -> Apply:
    """Return how a child that is there is changed, where that takes more than saying it."""
    if action.resource == VIRTUAL_SERVICES:
        return Apply(action.resource, beside_others(action.manifest, live))
    if action.resource.kind in _HOLD_DATA:
        return replace(action, or_replace="")
    # What a job runs cannot be changed: a new one takes its place.
    return replace(action, or_replace=live.metadata.uid) if action.resource == CHILD_JOBS else action


def _waits(action: Action, seen: Seen) -> bool:
    """Whether it is for a release that is rehearsed first: until then what serves is kept up, and nothing else done."""
    state = seen.rollout.state
    if state is None or state.phase != REHEARSING:
        return False
    match action:
        case Apply() if not state.stable:
            return True  # nothing serves yet
        case Apply(resource) if resource in {CHILD_DEPLOYMENTS, CHILD_STATEFUL_SETS}:
            return False
        case Apply(resource, manifest) if resource == CHILD_SERVICES:
            return seen.children.at(manifest) is not None
        case _:
            return True


def _to_run(app: AppService, children: tuple[Manifest, ...], seen: Seen) -> list[Manifest]:
    """Leave out a job that has run to its end and is gone: made again, it would run again."""
    done = app.spec.form == JOB and has_completed(app)
    kind = (CHILD_JOBS.api_version, CHILD_JOBS.kind)
    return [each for each in children if not (done and identity(each)[:2] == kind and seen.children.at(each) is None)]


def _keep_replicas(app: AppService, resource: Resource[LiveObject], live: LiveObject) -> Iterator[Scale]:
    """Hold on to the number of pods while we cease to say it: a field that nobody holds any more is reset to 1."""
    if resource in {CHILD_DEPLOYMENTS, CHILD_STATEFUL_SETS}:
        yield Scale(resource, app.key, _within(app, live))


def _bound_replicas(app: AppService, seen: Seen) -> Iterator[Scale]:
    """Bring the number of pods within the autoscaler's bounds; 0 means that somebody switched it off."""
    kind = runner_of(app)
    live = seen.child(app, kind)
    # A ScalePolicy brings it within bounds itself, which are others at other hours.
    if app.spec.scaling is not None and not app.spec.scaling.by_policy and live is not None:
        replicas = _within(app, live)
        if live.spec.get("replicas", 1) not in {0, replicas}:
            yield Scale(kind, app.key, replicas)


def _within(app: AppService, live: LiveObject) -> int:
    scaling = app.spec.scaling
    present = live.spec.get("replicas", 1)
    return min(max(present, scaling.min), scaling.max) if scaling is not None else present


def _verb(app: AppService, live: LiveObject | None) -> str:
    seen_before = app.status.observed_generation == app.metadata.generation
    if live is None:
        return "Recreated" if seen_before else "Created"
    return "Repaired" if seen_before else "Updated"


def _tell(app: AppService, health: Health, seen: Seen, now: float) -> Iterator[Action]:
    """Write the status; what will not mend itself is announced as well, once."""
    if (
        health.stalled
        and health.reason not in {ROLLED_BACK_REASON, REHEARSAL_FAILED}
        and all(condition.message != health.message for condition in app.status.conditions)
    ):
        yield Announce("Warning", health.reason, health.message)
    status = status_manifest(app, health, seen, now) if seen.status_served else None
    if status is not None:
        yield Apply(APP_SERVICES, status, subresource="status")
