"""Prepares an operator's stages, makes the plans, lives them, and gathers what was broken."""

from __future__ import annotations

import logging
import multiprocessing
import random
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from kubewright.api.meta import PartialObject, Resource
from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.harness.checks import Case, judge
from kubewright.harness.faults import WATCH_HARMS, WRITE_HARMS, Fault, Harm
from kubewright.harness.life import Outcome, live
from kubewright.harness.mutations import Mutation, mutations, spec_schema
from kubewright.harness.preparation import Grown, changes, first_stage, stages, with_other_writers
from kubewright.harness.report import Finding, Report
from kubewright.harness.snapshot import Snapshot
from kubewright.harness.stages import Stage, Step
from kubewright.harness.subject import Subject, resource_of
from kubewright.harness.world import Kinds, boot, client_of, every_kind
from kubewright.twin.server import ApiServer

_CHANGES_WITH_FAULTS = 4
_EVENTS_EACH = 6
_UNDISTURBED = Fault()


@dataclass(frozen=True, slots=True)
class Plan:
    """One life to live: a stage, by its number, and what goes wrong in it."""

    stage: int
    fault: Fault


@dataclass(slots=True)
class Prepared:
    """Everything that plans refer to."""

    subject: Subject
    resource: Resource[PartialObject]
    grown: Grown
    kinds: Kinds
    stages: list[Stage] = field(default_factory=list[Stage])
    references: list[Outcome] = field(default_factory=list[Outcome])
    findings: list[Finding] = field(default_factory=list[Finding])
    other_spec: Step | None = None
    other_final: Snapshot | None = None
    properties: dict[str, bool] = field(default_factory=dict[str, bool])
    """Each property of the kind, and whether some value of it was lived with."""
    lives: int = 0

    def live(self, stage: Stage, fault: Fault) -> Outcome:
        """Live one life, on a loop of its own."""
        self.lives += 1
        return run_virtual(live(self.subject, stage, fault, self.kinds, self.other_spec))

    def add(self, stage: Stage) -> Outcome:
        """Take in a stage with its undisturbed life, which is judged at once."""
        outcome = self.live(stage, _UNDISTURBED)
        self.stages.append(stage)
        self.references.append(replace(outcome, server=None))
        self.findings += self.judged(len(self.stages) - 1, _UNDISTURBED, outcome)
        return outcome

    def judged(self, number: int, fault: Fault, outcome: Outcome) -> list[Finding]:
        """Return what a life broke, named so that it can be lived again."""
        stage, reference = self.stages[number], self.references[number]
        expected = reference.final if stage.expected is None else stage.expected
        if fault.harm is Harm.OTHER_SPEC and self.other_final is not None:
            expected = self.other_final
        bucket = (self.resource.group, self.resource.plural)
        undisturbed = fault.harm is Harm.NONE
        case = Case(
            self.subject, (bucket, self.subject.key), stage, outcome, reference, expected, undisturbed=undisturbed
        )
        return [Finding(f"{stage.name}/{fault}", each) for each in judge(case)]

    def try_(self, plan: Plan) -> tuple[bool, list[Finding]]:
        """Live one plan; return whether its fault took place, and what was broken."""
        outcome = self.live(self.stages[plan.stage], plan.fault)
        if not outcome.log.done:
            return False, []
        return True, self.judged(plan.stage, plan.fault, outcome)


def prepare(subject: Subject, *, seed: int = 0, most_mutations: int | None = None) -> Prepared:
    """Live the undisturbed lives; raises OpError when the sample is refused."""
    *_, prepared = _preparing(subject, seed, most_mutations)
    return prepared


def _preparing(subject: Subject, seed: int, most_mutations: int | None) -> Iterator[Prepared]:
    """Yield what is prepared so far after every undisturbed life."""
    empty = run_virtual(boot(subject, seed=seed))
    resource = _resource(subject, empty)
    stage = first_stage(subject, resource, empty)
    outcome = run_virtual(live(subject, stage, _UNDISTURBED, every_kind(empty)))
    if outcome.refused is not None:
        raise outcome.refused
    kinds = frozenset(outcome.log.kinds)
    grown = Grown(subject, resource, empty, outcome)
    prepared = Prepared(subject, resource, grown, kinds)
    prepared.add(stage)
    yield prepared
    for each in stages(grown):
        prepared.add(each)
        yield prepared
    for _ in _mutate(prepared, random.Random(seed), most_mutations):  # noqa: S311  a choice of tests
        yield prepared


def _resource(subject: Subject, server: ApiServer) -> Resource[PartialObject]:
    for definition in subject.made_for(client_of(server), server.clock).definitions:
        resource = resource_of(definition, subject.sample["apiVersion"].rpartition("/")[2])
        if resource.kind == subject.sample["kind"]:
            return resource
    raise OpError("test", ErrorKind.INVALID, subject.sample["kind"], "the operator does not define this kind")


def _mutate(prepared: Prepared, rng: random.Random, most: int | None) -> Iterator[None]:
    """Change each property, and choose the changes that are lived with faults, too; yields after each."""
    grown, seen = prepared.grown, set[tuple[tuple[str, str], ...]]()
    for mutation in _chosen(prepared, rng, most):
        prepared.properties.setdefault(mutation.property, False)
        made = list(changes(grown, mutation, prepared.live))
        for stage in made:
            outcome = prepared.add(stage)
            prepared.properties[mutation.property] = True
            yield
            signature = tuple((write.request.method, write.route.plural) for write in outcome.log.writes)
            if stage is made[0] and signature not in seen and len(seen) < _CHANGES_WITH_FAULTS and signature:
                seen.add(signature)
                prepared.stages[-1] = replace(stage, faults=True)
                prepared.add(with_other_writers(grown, stage))
                if prepared.other_spec is None:
                    prepared.other_spec, prepared.other_final = stage.steps[0], stage.expected


def _chosen(prepared: Prepared, rng: random.Random, most: int | None) -> list[Mutation]:
    """Return the mutations to live: all, or so many, each property with at least one of its own."""
    subject, resource = prepared.subject, prepared.resource
    definitions = subject.made_for(client_of(prepared.grown.empty), prepared.grown.empty.clock).definitions
    schemas = [
        spec_schema(each, resource.version) for each in definitions if each["spec"]["names"]["kind"] == resource.kind
    ]
    tried = [each for schema in schemas if schema is not None for each in mutations(schema, subject.sample)]
    if most is None or len(tried) <= most:
        return tried
    first = list({each.property: each for each in reversed(tried)}.values())
    others = [each for each in tried if each not in first]
    return first + rng.sample(others, max(0, min(len(others), most - len(first))))


def plans(prepared: Prepared) -> Iterator[Plan]:
    """Yield every single fault at every place where it can take place."""
    for number, (stage, reference) in enumerate(zip(prepared.stages, prepared.references, strict=True)):
        if not stage.faults:
            continue
        for at in range(1, len(reference.log.writes) + 1):
            yield from (Plan(number, Fault(harm, at)) for harm in WRITE_HARMS)
            if stage.name == "create" or stage.property:
                yield Plan(number, Fault(Harm.OTHER_FINALIZER, at))
            if stage.name == "create" and prepared.other_spec is not None:
                yield Plan(number, Fault(Harm.OTHER_SPEC, at))
        for plural, count in reference.log.events.items():
            for at in range(1, min(count, _EVENTS_EACH) + 1):
                yield from (Plan(number, Fault(harm, at, plural)) for harm in WATCH_HARMS)


def examine(
    subject: Subject,
    *,
    most_plans: int | None = None,
    most_mutations: int | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> Report:
    """Put an operator to the test; `most_plans` and `most_mutations` choose some by the seed where there are more."""
    with _quiet():
        prepared = prepare(subject, seed=seed, most_mutations=most_mutations)
        chosen = list(plans(prepared))
        if most_plans is not None and len(chosen) > most_plans:
            chosen = random.Random(seed).sample(chosen, most_plans)  # noqa: S311  a choice of tests
        undisturbed = prepared.lives
        results = _tried(prepared, chosen, jobs)
    findings = [*prepared.findings, *(each for _, found in results for each in found)]
    reached = sum(done for done, _ in results)
    return Report(subject.name, seed, undisturbed, reached, tuple(findings), dict(prepared.properties))


def catch(subject: Subject, *, most_plans: int, most_mutations: int, seed: int = 0) -> Finding | None:
    """Return the first violation that is found, in at most so many plans; None when there is none."""
    with _quiet():
        prepared: Prepared | None = None
        for prepared in _preparing(subject, seed, most_mutations):
            if prepared.findings:
                return prepared.findings[0]
        if prepared is None:
            return None
        chosen = list(plans(prepared))
        random.Random(seed).shuffle(chosen)  # noqa: S311  a choice of tests
        for plan in chosen[:most_plans]:
            _, findings = prepared.try_(plan)
            if findings:
                return findings[0]
    return None


def repeat(subject: Subject, name: str, *, seed: int = 0) -> tuple[Outcome, list[Finding]]:
    """Live one plan of a report again; raises OpError when there is none of that name."""
    with _quiet():
        prepared = prepare(subject, seed=seed)
        for plan in (*(Plan(number, _UNDISTURBED) for number in range(len(prepared.stages))), *plans(prepared)):
            if f"{prepared.stages[plan.stage].name}/{plan.fault}" == name:
                outcome = prepared.live(prepared.stages[plan.stage], plan.fault)
                return outcome, prepared.judged(plan.stage, plan.fault, outcome)
    raise OpError("test", ErrorKind.NOT_FOUND, name, "no such plan")


_shared: Prepared | None = None
"""What the processes of `_tried` inherit: worlds are not sent from one to another."""


def _tried(prepared: Prepared, chosen: Sequence[Plan], jobs: int) -> list[tuple[bool, list[Finding]]]:
    if jobs <= 1:
        return [prepared.try_(plan) for plan in chosen]
    global _shared  # noqa: PLW0603  see there
    _shared = prepared
    try:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            return pool.map(_try_shared, chosen, chunksize=8)
    finally:
        _shared = None


def _try_shared(plan: Plan) -> tuple[bool, list[Finding]]:
    if _shared is None:
        raise RuntimeError("only called in processes that inherit what was prepared")
    return _shared.try_(plan)


@contextmanager
def _quiet() -> Generator[None]:
    """Keep what operators log under faults from the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
