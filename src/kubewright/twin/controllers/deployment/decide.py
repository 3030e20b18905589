"""What a Deployment needs next, from its ReplicaSets as they are to the writes that bring them on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS, Deployment, ReplicaSet, ReplicaSetSpec
from kubewright.api.meta import ObjectMeta
from kubewright.twin.controllers.deployment import health, revisions, rollout
from kubewright.twin.controllers.writes import Announce, Create, Patch, Remove, Write, Writes


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write, and when to look again although nothing happened."""

    writes: Writes
    look_again_at: float | None = None


@dataclass(frozen=True, slots=True)
class Sets:
    """A Deployment's ReplicaSets: the one of its present template, and the others."""

    new: ReplicaSet | None
    old: tuple[ReplicaSet, ...]

    @classmethod
    def of(cls, deployment: Deployment, sets: Sequence[ReplicaSet]) -> Sets:
        """Tell them apart."""
        new = revisions.find_new(deployment, sets)
        return cls(new, tuple(each for each in rollout.oldest_first(sets) if each is not new))

    @property
    def all(self) -> tuple[ReplicaSet, ...]:
        """Return them all."""
        return (*self.old, *((self.new,) if self.new else ()))


def decide(deployment: Deployment, owned: Sequence[ReplicaSet], now: float, *, old_pods: bool = False) -> Decision:
    """Return the next step of a Deployment; `old_pods` says whether pods of other sets still run (for Recreate)."""
    sets = Sets.of(deployment, owned)
    if deployment.metadata.deletion_timestamp is not None:
        return Decision(_status(deployment, sets, deployment.status.conditions, now).writes)
    conditions = health.on_pause(deployment, deployment.status.conditions, now)
    writes: list[Write] = []
    revision = revisions.next_revision(sets.old)
    if sets.new is not None:
        writes += _keep_annotated(deployment, sets.new, revision)
        conditions = health.on_new_set(deployment, conditions, sets.new.metadata.name, now, created=False)
        revision = max(revision, revisions.revision_of(sets.new))
    rescaled = deployment.spec.paused or _replicas_changed(deployment, sets)
    if sets.new is None and not rescaled and not _recreate_must_wait(deployment, sets, old_pods=old_pods):
        created = _create(deployment, sets, revision)
        sets = Sets(_as_it_will_be(created), sets.old)
        name = created.manifest["metadata"]["name"]
        conditions = health.on_new_set(deployment, conditions, name, now, created=True)
        writes += [created, *_announce_scale(deployment, name, 0, created.manifest["spec"]["replicas"])]
    else:
        writes += _scale(deployment, sets, _next_sizes(deployment, sets, rescaled=rescaled, old_pods=old_pods))
    renumbered = sets.new is not None and revisions.revision_of(deployment) != revision
    status = _status(deployment, sets, conditions, now, revision=revision if renumbered else 0)
    return Decision((*writes, *_clean_up(deployment, sets), *status.writes), status.look_again_at)


def _replicas_changed(deployment: Deployment, sets: Sets) -> bool:
    wanted = str(deployment.spec.replicas)
    return any(each.metadata.annotations.get(rollout.DESIRED, wanted) != wanted for each in rollout.active(sets.all))


def _recreate_must_wait(deployment: Deployment, sets: Sets, *, old_pods: bool) -> bool:
    recreate = deployment.spec.strategy.type == "Recreate"
    return recreate and (old_pods or bool(rollout.active(sets.old)))


def _next_sizes(deployment: Deployment, sets: Sets, *, rescaled: bool, old_pods: bool) -> rollout.Sizes:
    if rescaled:
        return rollout.rescale(deployment, sets.new, sets.old)
    if deployment.spec.strategy.type == "Recreate":
        if rollout.active(sets.old):
            return rollout.empty(sets.old)
        if old_pods or sets.new is None or sets.new.spec.replicas == deployment.spec.replicas:
            return {}
        return {sets.new.metadata.name: deployment.spec.replicas}
    if sets.new is None:
        return {}
    grown = rollout.grow_new(deployment, sets.new, sets.old)
    return grown or rollout.shrink_old(deployment, sets.new, sets.old)


def _create(deployment: Deployment, sets: Sets, revision: int) -> Create:
    size = rollout.initial_size(deployment, sets.old)
    return Create(REPLICA_SETS, revisions.new_set(deployment, revision, size))


def _as_it_will_be(created: Create) -> ReplicaSet:
    manifest = created.manifest
    metadata = ObjectMeta(name=manifest["metadata"]["name"], namespace=manifest["metadata"]["namespace"])
    return ReplicaSet(metadata=metadata, spec=ReplicaSetSpec(replicas=manifest["spec"]["replicas"]))


def _keep_annotated(deployment: Deployment, new: ReplicaSet, revision: int) -> list[Write]:
    annotations = revisions.kept_annotations(deployment, new, revision)
    changes: dict[str, object] = {"metadata": {"annotations": annotations}} if annotations else {}
    if new.spec.min_ready_seconds != deployment.spec.min_ready_seconds:
        changes["spec"] = {"minReadySeconds": deployment.spec.min_ready_seconds}
    return [Patch(REPLICA_SETS, new.key, new.metadata.uid, changes)] if changes else []


def _scale(deployment: Deployment, sets: Sets, sizes: rollout.Sizes) -> list[Write]:
    """Give sets their sizes, and those that keep theirs the annotations of the present `replicas`."""
    writes: list[Write] = []
    annotations = revisions.sizes(deployment)
    for each in sets.all:
        size = sizes.get(each.metadata.name, each.spec.replicas)
        stale = size > 0 and any(each.metadata.annotations.get(key) != value for key, value in annotations.items())
        if size == each.spec.replicas and not stale:
            continue
        changes = {"metadata": {"annotations": annotations}, "spec": {"replicas": size}}
        writes.append(Patch(REPLICA_SETS, each.key, each.metadata.uid, changes))
        writes += _announce_scale(deployment, each.metadata.name, each.spec.replicas, size)
    return writes


def _announce_scale(deployment: Deployment, name: str, before: int, after: int) -> list[Write]:
    if before == after:
        return []
    direction = "up" if after > before else "down"
    text = f"Scaled {direction} replica set {name} from {before} to {after}"
    return [Announce(DEPLOYMENTS, deployment, "Normal", "ScalingReplicaSet", text)]


def _clean_up(deployment: Deployment, sets: Sets) -> list[Write]:
    """Delete the oldest empty sets beyond the history limit, once the rollout is complete."""
    if not health.is_complete(deployment, health.counts(deployment, sets.all, sets.new)):
        return []
    living = [each for each in sets.old if each.metadata.deletion_timestamp is None]
    excess = len(living) - deployment.spec.revision_history_limit
    ranked = sorted(living, key=revisions.revision_of)[: max(excess, 0)]
    return [Remove(REPLICA_SETS, each.key, each.metadata.uid) for each in ranked if _is_empty(each)]


def _is_empty(each: ReplicaSet) -> bool:
    seen = each.metadata.generation <= each.status.observed_generation
    return seen and not each.spec.replicas and not each.status.replicas


def _status(
    deployment: Deployment, sets: Sets, conditions: health.Conditions, now: float, *, revision: int = 0
) -> Decision:
    """Write what is new in the status, and with it a new revision: on this way it starts no new generation."""
    counted = health.counts(deployment, sets.all, sets.new)
    conditions = health.availability(deployment, conditions, counted, now)
    if not deployment.spec.paused and deployment.metadata.deletion_timestamp is None:
        conditions = health.progress(deployment, conditions, counted, sets.new, now)
        conditions = health.failures(sets.all, sets.new, conditions, now)
    changed: dict[str, object] = {}
    status = health.changes(deployment, counted, conditions)
    if status:
        changed["status"] = status
    if revision:
        changed["metadata"] = {"annotations": {revisions.REVISION: str(revision)}}
    writes = (_patch(deployment, changed, "status"),) if changed else ()
    at = None if deployment.spec.paused else health.deadline_at(deployment, conditions)
    # Timestamps have whole seconds: one second later the deadline has passed for certain.
    return Decision(writes, None if at is None else at + 1)


def _patch(deployment: Deployment, changes: dict[str, object], subresource: str = "") -> Patch:
    return Patch(DEPLOYMENTS, deployment.key, deployment.metadata.uid, changes, subresource)


def collided(deployment: Deployment) -> Patch:
    """Return the write that makes the next hash another: the name is taken by a set that is not ours."""
    return _patch(deployment, {"status": {"collisionCount": deployment.status.collision_count + 1}}, "status")


def same_template(deployment: Deployment, live: ReplicaSet) -> bool:
    """Tell whether a set that has the name is the one that we were about to create."""
    owned = any(ref.uid == deployment.metadata.uid and ref.controller for ref in live.metadata.owner_references)
    return owned and revisions.find_new(deployment, [live]) is not None
