"""The stages of one operator, made from what it does with its sample when nothing goes wrong.

First the sample is created and left to settle; that state, and the children found in it, are what the other stages
start from. A stage whose end is known from another (a deletion ends where there was nothing, a change where the changed
sample would have led from the start) is held to that.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource
from kubewright.harness.faults import Fault
from kubewright.harness.life import Outcome
from kubewright.harness.mutations import Mutation
from kubewright.harness.snapshot import OTHER, READY, Place, Snapshot, place_of, take
from kubewright.harness.stages import Change, Create, Pause, Remove, Stage, Step
from kubewright.harness.subject import Subject
from kubewright.store.patch.json_patch import as_token
from kubewright.twin.server import ApiServer

Live = Callable[[Stage, Fault], Outcome]
_LONG_NAME = "a-name-that-is-nearly-as-long-as-names-may-be-here"
_SETTLING_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Grown:
    """The sample, settled, and what became of it."""

    subject: Subject
    resource: Resource[PartialObject]
    empty: ApiServer
    outcome: Outcome

    @property
    def world(self) -> ApiServer:
        """Return the state to go on from."""
        if self.outcome.server is None:
            raise LookupError("a life that is a starting point keeps its world")
        return self.outcome.server

    @property
    def sample(self) -> Manifest:
        """Return the sample as it is stored."""
        record = self.world.store.get((self.resource.group, self.resource.plural), self.subject.key)
        if record is None:
            raise LookupError("the sample is gone")
        return record.obj

    def made(self, resource: Resource[PartialObject], child: Manifest) -> bool:
        """Whether a child was not there before: else it is only written to, and others make it and have its name."""
        return self.empty.store.get((resource.group, resource.plural), _key(child)) is None

    def children(self) -> list[tuple[Resource[PartialObject], Manifest]]:
        """Return the objects, as stored, that the operator made, or writes to though they were there before."""
        before = take(self.empty).objects
        routes = {(write.route.group, write.route.plural) for write in self.outcome.log.writes}
        own = place_of((self.resource.group, self.resource.plural), self.subject.key)
        found: list[tuple[Resource[PartialObject], Manifest]] = []
        for kind in self.world.kinds.all():
            bucket = (kind.group, kind.plural)
            if bucket in routes and kind.storage:
                for record in self.world.store.list(bucket)[0]:
                    place = place_of(bucket, record.key)
                    if place not in before and place != own:
                        found.append((kind.resource(PartialObject), record.obj))
        return found


def first_stage(subject: Subject, resource: Resource[PartialObject], empty: ApiServer) -> Stage:
    """Return the creation of the sample."""
    return Stage("create", empty, (Create(resource, subject.sample),))


def stages(grown: Grown) -> Iterator[Stage]:
    """Yield what else a user, or somebody else, does to it."""
    world, resource, key = grown.world, grown.resource, grown.subject.key
    settled, nothing = grown.outcome.final, take(grown.empty)
    yield Stage("restart", world, (), settled, faults=False)
    yield Stage("delete", world, (Remove(resource, key),), nothing)
    again = (Remove(resource, key, wait=True), Create(resource, grown.subject.sample))
    yield Stage("recreate", world, again, settled)
    short = (Create(resource, grown.subject.sample), Remove(resource, key))
    yield Stage("short-lived", grown.empty, short, nothing)
    yield from _drifts(grown, settled)
    yield from _taken(grown, settled)
    yield from _neighbours(grown)


def _drifts(grown: Grown, settled: Snapshot) -> Iterator[Stage]:
    """Somebody deletes a child, or changes what the operator wrote."""
    for resource, child in grown.children():
        key, called = _key(child), f"{resource.plural}/{child['metadata']['name']}"
        if grown.made(resource, child):
            yield Stage(f"child-deleted:{called}", grown.world, (Remove(resource, key),), settled)
        edit = _edit(child)
        if edit is not None:
            yield Stage(f"child-edited:{called}", grown.world, (Change(resource, key, edit),), settled)


def _edit(child: Manifest) -> list[Manifest] | None:
    """Return a change of something that the operator set: a value of `data`, the replicas, or its labels."""
    if child.get("data"):
        name = next(iter(child["data"]))
        value = "ZWRpdGVk" if child["kind"] == "Secret" else "edited"
        return [{"op": "replace", "path": f"/data/{as_token(name)}", "value": value}]
    if isinstance(child.get("spec", {}).get("replicas"), int):
        return [{"op": "replace", "path": "/spec/replicas", "value": child["spec"]["replicas"] + 1}]
    return [{"op": "remove", "path": "/metadata/labels"}] if child["metadata"].get("labels") else None


def _taken(grown: Grown, settled: Snapshot) -> Iterator[Stage]:
    """A child's name is someone else's already; then it is free."""
    create = Create(grown.resource, grown.subject.sample)
    for resource, child in grown.children():
        if child["metadata"].get("generateName") or not grown.made(resource, child):
            continue
        foreign = Create(resource, _someone_elses(child))
        place = place_of((resource.group, resource.plural), _key(child))
        called = f"{resource.plural}/{child['metadata']['name']}"
        steps = (foreign, Pause(5.0), create)
        yield Stage(f"name-taken:{called}", grown.empty, steps, foreign=frozenset({place}), faults=False)
        freed = (*steps, Pause(_SETTLING_SECONDS), Remove(resource, _key(child)))
        yield Stage(f"name-freed:{called}", grown.empty, freed, settled, faults=False)


def _someone_elses(child: Manifest) -> Manifest:
    """Return an object of the same content that bears nothing of the operator's."""
    metadata = {"name": child["metadata"]["name"], "labels": {"made-by": "someone"}}
    if child["metadata"].get("namespace"):
        metadata["namespace"] = child["metadata"]["namespace"]
    content = {name: copy.deepcopy(value) for name, value in child.items() if name not in {"metadata", "status"}}
    if child["kind"] == "Service":
        for drawn in ("clusterIP", "clusterIPs"):
            content["spec"].pop(drawn, None)
    return {**content, "metadata": metadata}


def _neighbours(grown: Grown) -> Iterator[Stage]:
    """Others of the kind whose names are awkward beside the sample's: each must have children of its own."""
    name = grown.subject.key.name
    suffixes = {child["metadata"]["name"].removeprefix(f"{name}-") for _, child in grown.children()}
    names = [f"{name}-{suffix}" for suffix in sorted(suffixes) if suffix != name]
    names += [f"{_LONG_NAME}-{letter}" for letter in "xy"]
    steps: list[Step] = [Create(grown.resource, renamed(grown.subject.sample, each)) for each in names]
    if grown.resource.namespaced:
        steps.append(Create(grown.resource, renamed(grown.subject.sample, name, "elsewhere")))
    yield Stage("neighbours", grown.world, tuple(steps), faults=False)


def renamed(sample: Manifest, name: str, namespace: str = "") -> Manifest:
    """Return the sample under another name."""
    metadata = {**sample["metadata"], "name": name}
    return {**sample, "metadata": metadata | ({"namespace": namespace} if namespace else {})}


def changes(grown: Grown, mutation: Mutation, live: Live) -> Iterator[Stage]:
    """Yield the change of one property, held to where the changed sample leads from the start, and its way back.

    Yields nothing for a value that the server refuses. One that the operator itself refuses may leave things as they
    were, and not as they would be without a past; so may what is said to depend on history.
    """
    changed = mutation.applied(grown.subject.sample)
    fresh_stage = Stage(f"fresh:{mutation}", grown.empty, (Create(grown.resource, changed),), faults=False)
    fresh = live(fresh_stage, Fault())
    if fresh.refused is not None:
        return
    patch = mutation.patch(grown.sample)
    if not patch:
        return
    forth = Change(grown.resource, grown.subject.key, patch)
    back = Change(grown.resource, grown.subject.key, [{**patch[0], "value": grown.sample[str(mutation.path[0])]}])
    expected = fresh.final if is_well(grown, fresh) and not _has_past(grown.subject, mutation) else None
    stage = Stage(f"set:{mutation}", grown.world, (forth,), expected, faults=False, property=mutation.property)
    yield stage
    steps = (forth, Pause(_SETTLING_SECONDS), back)
    yield Stage(f"back:{mutation}", grown.world, steps, grown.outcome.final, faults=False, property=mutation.property)


def is_well(grown: Grown, outcome: Outcome) -> bool:
    """Whether a life ended with a sample that does not say that it is not ready."""
    return not _unready(grown, outcome)


def unchanged(grown: Grown, outcome: Outcome) -> Snapshot | None:
    """Return what a life must end in if its sample says that what is there stays: all else as it was, to the letter.

    None when it does not say so, for one of the subject's reasons.
    """
    if _unready(grown, outcome).isdisjoint(grown.subject.refusals):
        return None
    place = place_of((grown.resource.group, grown.resource.plural), grown.subject.key)
    return Snapshot({**grown.outcome.final.objects, place: outcome.final.objects[place]})


def _unready(grown: Grown, outcome: Outcome) -> set[str]:
    """Return the reasons by which the sample says that it is not ready."""
    place = place_of((grown.resource.group, grown.resource.plural), grown.subject.key)
    status: Manifest = outcome.final.objects.get(place, {}).get("status") or {}
    conditions: list[Manifest] = status.get("conditions") or []
    return {
        each.get("reason", "") for each in conditions if each.get("type") in READY and each.get("status") == "False"
    }


def _has_past(subject: Subject, mutation: Mutation) -> bool:
    return any(mutation.property == path or mutation.property.startswith(f"{path}.") for path in subject.ignored)


def with_other_writers(grown: Grown, stage: Stage) -> Stage:
    """Return a change before which somebody else annotates the sample and each child: that must stay."""
    note = {"metadata": {"annotations": {OTHER: "kept"}}}
    objects = [(grown.resource, grown.sample), *grown.children()]
    marks = [Change(resource, _key(obj), note) for resource, obj in objects]
    marked: tuple[Place, ...] = tuple(
        place_of((resource.group, resource.plural), _key(obj)) for resource, obj in objects
    )
    steps = (*marks, Pause(_SETTLING_SECONDS), *stage.steps)
    return replace(stage, name=f"annotated:{stage.name}", steps=steps, marked=marked, faults=False)


def _key(obj: Manifest) -> ObjectKey:
    return ObjectKey(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
