"""Everything that plans refer to: the stages of an operator, with their undisturbed lives, judged.

The stages from the settled sample are lived first. What a change of one property leads to depends on these alone, so
changes may be lived in any order and process; a few of them then become stages that are lived with faults, too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from kubewright.api.meta import Manifest, PartialObject, Resource
from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.harness.checks import Case, judge
from kubewright.harness.faults import SPEC_HARMS, Fault, Harm
from kubewright.harness.life import Outcome, live
from kubewright.harness.mutations import Mutation, mutations, spec_schema
from kubewright.harness.preparation import Grown, changes, first_stage, stages, unchanged, with_other_writers
from kubewright.harness.report import Finding
from kubewright.harness.snapshot import Snapshot
from kubewright.harness.stages import Stage, Step
from kubewright.harness.subject import Subject, resource_of
from kubewright.harness.world import Kinds, boot, client_of, every_kind, with_surroundings
from kubewright.twin.server import ApiServer

_UNDISTURBED = Fault()


@dataclass(frozen=True, slots=True)
class Plan:
    """One life to live: a stage, by its number, and what goes wrong in it."""

    stage: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one value of a property."""

    mutation: Mutation
    lives: int
    taken: bool
    """Whether the server took the value, and it was another."""
    writes: tuple[tuple[str, str], ...]
    """Method and kind of each write that the change led to."""
    steady: bool
    """Whether it ended where the changed sample leads from the start: what was before made no difference."""
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Prepared:
    """An operator's stages, the lives that they are compared with, and what these broke."""

    subject: Subject
    resource: Resource[PartialObject]
    grown: Grown
    kinds: Kinds
    stages: list[Stage] = field(default_factory=list[Stage])
    references: list[Outcome] = field(default_factory=list[Outcome])
    findings: list[Finding] = field(default_factory=list[Finding])
    other_spec: Step | None = None
    other_final: Snapshot | None = None
    lives: int = 0

    def live(self, stage: Stage, fault: Fault) -> Outcome:
        """Live one life, on a loop of its own."""
        self.lives += 1
        return run_virtual(live(self.subject, stage, fault, self.kinds, self.other_spec))

    def add(self, stage: Stage) -> Outcome:
        """Take in a stage with its undisturbed life, which is judged at once."""
        return self.take(stage, self.live(stage, _UNDISTURBED))

    def take(self, stage: Stage, outcome: Outcome) -> Outcome:
        """Take in a stage whose undisturbed life has been lived."""
        self.stages.append(stage)
        self.references.append(replace(outcome, server=None))
        self.findings += self.judged(len(self.stages) - 1, _UNDISTURBED, outcome)
        return outcome

    def judged(self, number: int, fault: Fault, outcome: Outcome) -> list[Finding]:
        """Return what a life broke, named so that it can be lived again."""
        return self._judged(self.stages[number], self.references[number], fault, outcome)

    def _judged(self, stage: Stage, reference: Outcome, fault: Fault, outcome: Outcome) -> list[Finding]:
        expected = unchanged(self.grown, reference) or stage.expected or reference.final
        if fault.harm in SPEC_HARMS and self.other_final is not None:
            expected = self.other_final
        bucket = (self.resource.group, self.resource.plural)
        undisturbed = fault.harm is Harm.NONE
        case = Case(
            self.subject, (bucket, self.subject.key), stage, outcome, reference, expected, undisturbed=undisturbed
        )
        return [Finding(f"{stage.name}/{fault}", each) for each in judge(case)]

    def try_plan(self, plan: Plan) -> tuple[bool, list[Finding]]:
        """Live one plan; return whether its fault took place, and what was broken."""
        outcome = self.live(self.stages[plan.stage], plan.fault)
        if not outcome.log.done:
            return False, []
        return True, self.judged(plan.stage, plan.fault, outcome)

    def try_mutation(self, mutation: Mutation) -> Tried:
        """Live with another value of a property, and with its way back."""
        before, findings, writes, taken = self.lives, list[Finding](), tuple[tuple[str, str], ...](), False
        steady = False
        for stage in self.changed(mutation):
            outcome = self.live(stage, _UNDISTURBED)
            findings += self._judged(stage, outcome, _UNDISTURBED, outcome)
            if not taken:
                writes = tuple((write.request.method, write.route.plural) for write in outcome.log.writes)
                steady = outcome.final == stage.expected
            taken = True
        return Tried(mutation, self.lives - before, taken, writes, steady, tuple(findings))

    def changed(self, mutation: Mutation) -> Iterator[Stage]:
        """Yield the stages of a property's other value; none when the server refuses it."""
        return changes(self.grown, mutation, self.live)

    def expose(self, tried: Tried) -> None:
        """Let a change be lived with faults, too."""
        stage = replace(next(self.changed(tried.mutation)), faults=True)
        self.add(stage)
        self.add(with_other_writers(self.grown, stage))

    def meet(self, tried: Tried) -> bool:
        """Let a change be the one that comes in the middle of another life; return whether it can be.

        When it comes there is not known, so it must be one that ends the same whatever was before.
        """
        if not tried.writes or not tried.steady:
            return False
        stage = next(self.changed(tried.mutation))
        self.other_spec, self.other_final = stage.steps[0], stage.expected
        return True

    def mutations(self) -> list[Mutation]:
        """Return every value to try of every property of the kind."""
        server, version = self.grown.empty, self.resource.version
        definitions = self.subject.made_for(client_of(server), server.clock).definitions
        schemas = [spec_schema(each, version) for each in definitions if _kind(each) == self.resource.kind]
        return [each for schema in schemas if schema is not None for each in mutations(schema, self.subject.sample)]


def preparing(subject: Subject, seed: int) -> Iterator[Prepared]:
    """Yield what is prepared so far after every stage; raises OpError when the sample is refused."""
    empty = run_virtual(boot(subject, seed=seed))
    resource = _resource(subject, empty)
    stage = first_stage(subject, resource, empty)
    probe = run_virtual(live(subject, stage, _UNDISTURBED, every_kind(empty)))
    if probe.refused is not None:
        raise probe.refused
    kinds = with_surroundings(frozenset(probe.log.kinds))
    outcome = run_virtual(live(subject, stage, _UNDISTURBED, kinds))
    prepared = Prepared(subject, resource, Grown(subject, resource, empty, outcome), kinds)
    prepared.take(stage, outcome)
    yield prepared
    for each in stages(prepared.grown):
        prepared.add(each)
        yield prepared


def prepare(subject: Subject, *, seed: int = 0) -> Prepared:
    """Live the stages from the settled sample; raises OpError when the sample is refused."""
    *_, prepared = preparing(subject, seed)
    return prepared


def chosen(tried: list[Mutation], rng: random.Random, most: int | None) -> list[Mutation]:
    """Return the values to live with: all, or so many, of as many properties as there is room for."""
    if most is None or len(tried) <= most:
        return tried
    first = list({each.property: each for each in reversed(tried)}.values())
    if len(first) >= most:
        return rng.sample(first, most)
    others = [each for each in tried if each not in first]
    return first + rng.sample(others, most - len(first))


def _resource(subject: Subject, server: ApiServer) -> Resource[PartialObject]:
    for definition in subject.made_for(client_of(server), server.clock).definitions:
        resource = resource_of(definition, subject.sample["apiVersion"].rpartition("/")[2])
        if resource.kind == subject.sample["kind"]:
            return resource
    raise OpError("test", ErrorKind.INVALID, subject.sample["kind"], "the operator does not define this kind")


def _kind(definition: Manifest) -> str:
    return definition["spec"]["names"]["kind"]
