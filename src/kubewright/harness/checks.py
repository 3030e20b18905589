"""What must hold of a life: of its final state, of the log of writes on the way, and of the time after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.harness.life import Outcome
from kubewright.harness.snapshot import (
    READY,
    Place,
    Snapshot,
    differences,
    normalised,
    place_of,
    stored_objects,
    written,
)
from kubewright.harness.stages import Stage
from kubewright.harness.subject import Subject
from kubewright.harness.wire import Write
from kubewright.store.versioned import Bucket, Change

_GONE = 300
_REQUESTS_AT_LEAST, _REQUESTS_TIMES = 150, 5
_SHOWN = 3
_LASTING = frozenset({403, 422})
"""Answers that stay the same until somebody changes something: what was asked may not be done, or makes no sense."""
_LONG_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a life broke, and how."""

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Case:
    """A life to be judged: what was lived, what came of it, and what comes of it when nothing goes wrong."""

    subject: Subject
    sample: tuple[Bucket, ObjectKey]
    """Where the sample is stored."""
    stage: Stage
    outcome: Outcome
    reference: Outcome
    expected: Snapshot
    undisturbed: bool

    @property
    def place(self) -> Place:
        """Return the sample's place."""
        return place_of(*self.sample)


def judge(case: Case) -> list[Violation]:
    """Return everything that the life broke."""
    return [violation for rule in _RULES for violation in rule(case)]


def _ends_as_it_should(case: Case) -> Iterator[Violation]:
    found = differences(case.expected, _without_kept(case))
    if found:
        more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
        yield Violation("wrong final state", "; ".join(found[:_SHOWN]) + more)


def _without_kept(case: Case) -> Snapshot:
    """Return the final state without what is left on purpose where it would not have been made."""
    final, expected = case.outcome.final, case.expected.objects
    kept = (place for place in final.objects if place[1] in case.subject.kept and place not in expected)
    return final.without(frozenset(kept))


def _is_idle(case: Case) -> Iterator[Violation]:
    log, idle = case.outcome.log, case.outcome.writes_when_idle
    late = [write for write in log.writes[len(log.writes) - idle :] if not is_patient(write, log.writes)]
    if log.runaway:
        yield Violation("does not settle", f"more than {log.requests - 1} requests")
    elif late:
        yield Violation("does not settle", f"{len(late)} writes after five minutes, the last: {late[-1]}")


def is_patient(write: Write, writes: Sequence[Write]) -> bool:
    """Whether it only asks again, long after, for what the server has refused: a quota or a policy may have changed."""
    if write.status not in _LASTING:
        return False
    same = (write.request.method, write.request.path, write.request.body)
    earlier = (
        each
        for each in writes[: write.number - 1]
        if (each.request.method, each.request.path, each.request.body) == same
    )
    last = max((each.at_seconds for each in earlier), default=None)
    return last is not None and write.at_seconds - last >= _LONG_SECONDS


def _restarts_without_a_write(case: Case) -> Iterator[Violation]:
    if case.undisturbed and case.outcome.log.writes_before:
        yield Violation("writes at its start", f"{case.outcome.log.writes_before} writes though nothing had changed")


def _lives(case: Case) -> Iterator[Violation]:
    if case.outcome.died:
        yield Violation("ended by itself", case.outcome.died)


def _backs_off(case: Case) -> Iterator[Violation]:
    asked, usual = len(case.outcome.log.requests_at), len(case.reference.log.requests_at)
    if not case.outcome.log.runaway and asked > _REQUESTS_AT_LEAST + _REQUESTS_TIMES * usual:
        yield Violation("retries without end", f"{asked} requests, undisturbed {usual}")


def _leaves_foreign_objects(case: Case) -> Iterator[Violation]:
    for change in case.outcome.changes:
        place = place_of(change.bucket, change.record.key)
        if place in case.stage.foreign and _is_changed(change):
            yield Violation("takes what is not its own", f"{written(place)} is {change.type}")
            return


def _is_changed(change: Change) -> bool:
    if change.type == "DELETED" or change.previous is None:
        return change.type == "DELETED"
    before, after = (_without_status(each.obj) for each in (change.previous, change.record))
    return normalised(before, {}) != normalised(after, {})


def _without_status(obj: Manifest) -> Manifest:
    return {name: value for name, value in obj.items() if name != "status"}


def _keeps_others_writes(case: Case) -> Iterator[Violation]:
    if case.outcome.marks:
        yield Violation("loses others' writes", ", ".join(case.outcome.marks))


def _guards_deletes(case: Case) -> Iterator[Violation]:
    for write in case.outcome.log.writes:
        if write.request.method == "DELETE":
            body: Manifest = write.body or {}
            preconditions: Manifest = body.get("preconditions") or {}
            if not preconditions.get("uid"):
                yield Violation("deletes whatever has the name", f"{write.request.path} without a uid")
                return


def _destroys_nothing(case: Case) -> Iterator[Violation]:
    usual = {write.request.path for write in case.reference.log.writes if write.request.method == "DELETE"}
    for write in case.outcome.log.writes:
        if write.request.method == "DELETE" and write.status < _GONE and write.request.path not in usual:
            lost = _lost_by(case, write)
            if lost is not None:
                yield Violation("destroys what is wanted", f"{written(lost)} is deleted")
                return


def _lost_by(case: Case, write: Write) -> Place | None:
    """Return the child of the living sample that a deletion took or marked, if it is to be there in the end."""
    place = (write.route.group, write.route.plural, write.route.namespace, write.route.name)
    if place not in case.expected.objects:
        return None
    for world, change in _history(case):
        if write.since < change.revision <= write.until and place_of(change.bucket, change.record.key) == place:
            sample = world.get(case.place)
            if sample is None or "deletionTimestamp" in sample["metadata"]:
                return None
            owners = {ref["uid"] for ref in change.record.obj["metadata"].get("ownerReferences") or ()}
            return place if sample["metadata"]["uid"] in owners else None
    return None


def _says_no_more_than_is(case: Case) -> Iterator[Violation]:
    """A status that says what the final one says, before the children are what they finally are, is not true."""
    final = case.expected.objects.get(case.place, {})
    claimed = final.get("status")
    if not claimed:
        return
    children = _children(case)
    for world, change in _history(case):
        if (
            place_of(change.bucket, change.record.key) != case.place
            or change.type != "MODIFIED"
            or change.previous is None
        ):
            continue
        after = normalised(change.record.obj, {})
        if after.get("status") != claimed or after.get("spec") != final.get("spec"):
            continue
        if normalised(change.previous.obj, {}).get("status") != claimed:
            missing = _not_yet(children, world, with_status=_claims_ready(claimed))
            if missing:
                yield Violation("status says too much", f"it is written while {missing}")
                return


def _children(case: Case) -> dict[Place, Manifest]:
    owner = f"{case.subject.sample['kind']} {case.subject.key.name}"
    objects = case.expected.objects.items()
    return {
        place: obj
        for place, obj in objects
        if place[2] == case.place[2] and any(ref["is"] == owner for ref in obj["metadata"]["ownerReferences"])
    }


def _claims_ready(status: Manifest) -> bool:
    return any(each.get("type") in READY and each.get("status") == "True" for each in status.get("conditions") or ())


def _not_yet(children: Mapping[Place, Manifest], world: Mapping[Place, Manifest], *, with_status: bool) -> str:
    for place, wanted in children.items():
        if place[3].rpartition("*")[2].isdigit():
            continue  # a drawn name: which of them it is cannot be told
        there = world.get(place)
        if there is None:
            return f"{written(place)} is not there"
        found = normalised(there, {})
        parts = [name for name in wanted if name != "metadata" and (with_status or name != "status")]
        for part in parts:
            if found.get(part) != wanted[part]:
                return f"the {part} of {written(place)} is another"
    return ""


def _history(case: Case) -> Iterator[tuple[Mapping[Place, Manifest], Change]]:
    """Yield every change with the world as it is after it."""
    world: dict[Place, Manifest] = {
        (*bucket, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj
        for bucket, obj in stored_objects(case.stage.prepared)
    }
    for change in case.outcome.changes:
        place = place_of(change.bucket, change.record.key)
        if change.type == "DELETED":
            world.pop(place, None)
        else:
            world[place] = change.record.obj
        yield world, change


_RULES: Sequence[Callable[[Case], Iterator[Violation]]] = (
    _ends_as_it_should,
    _is_idle,
    _restarts_without_a_write,
    _lives,
    _backs_off,
    _leaves_foreign_objects,
    _keeps_others_writes,
    _guards_deletes,
    _destroys_nothing,
    _says_no_more_than_is,
)
