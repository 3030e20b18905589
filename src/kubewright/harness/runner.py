"""Makes the plans, has them lived, and gathers what was broken."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kubewright.errors import ErrorKind, OpError
from kubewright.harness.checks import is_patient
from kubewright.harness.faults import SPEC_HARMS, WATCH_HARMS, WRITE_HARMS, Fault, Harm, parse_fault
from kubewright.harness.life import Outcome
from kubewright.harness.prepared import Plan, Prepared, Tried, chosen, prepare, preparing
from kubewright.harness.quiet import undistracted
from kubewright.harness.report import Finding, Report
from kubewright.harness.subject import Subject
from kubewright.harness.workers import each_of

PLENTY = 1000
"""So many plans are enough where nobody says how many."""
CHANGES_AT_LEAST = 4
"""So many changes of properties are lived with faults where there are plenty of plans without them."""
_EVENTS_EACH = 6
_CHANGED = ("set:", "back:", "annotated:set:")


def plans(prepared: Prepared) -> Iterator[Plan]:
    """Yield every single fault at every place where it can take place.

    Who only asks again, every now and then, for what is refused does so for ever: there it has been through it all.
    """
    for number, (stage, reference) in enumerate(zip(prepared.stages, prepared.references, strict=True)):
        if not stage.faults:
            continue
        for at in (each.number for each in reference.log.writes if not is_patient(each, reference.log.writes)):
            yield from (Plan(number, Fault(harm, at)) for harm in WRITE_HARMS)
            if stage.name == "create" or stage.property:
                yield Plan(number, Fault(Harm.OTHER_FINALIZER, at))
            if stage.name == "create" and prepared.other_spec is not None:
                yield from (Plan(number, Fault(harm, at)) for harm in SPEC_HARMS)
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
    with undistracted():
        prepared = prepare(subject, seed=seed)
        undisturbed, values = prepared.lives, prepared.mutations()
        properties = dict[str, bool | None].fromkeys(each.property for each in values)
        tried = each_of(prepared, Prepared.try_mutation, chosen(values, _random(seed), most_mutations), jobs)
        undisturbed += sum(each.lives for each in tried) - prepared.lives
        for each in tried:
            properties[each.mutation.property] = properties[each.mutation.property] or each.taken
        due = _with_changes(prepared, tried, most_plans or PLENTY)
        undisturbed += prepared.lives
        if most_plans is not None and len(due) > most_plans:
            due = _random(seed).sample(due, most_plans)
        results = each_of(prepared, Prepared.try_plan, due, jobs)
    findings = [
        *prepared.findings,
        *(finding for each in tried for finding in each.findings),
        *(finding for _, found in results for finding in found),
    ]
    reached = sum(done for done, _ in results)
    return Report(subject.name, seed, undisturbed, reached, tuple(findings), properties)


def _with_changes(prepared: Prepared, tried: Sequence[Tried], wanted: int) -> list[Plan]:
    """Return the plans of all stages, and of changes: first those that write as no other, until there are enough."""
    _meet_one(prepared, tried)
    unlike = list({each.writes: each for each in reversed(tried) if each.writes}.values())[::-1]
    others = [each for each in tried if each.writes and each not in unlike]
    due = list(plans(prepared))
    for number, each in enumerate((*unlike, *others)):
        if number >= CHANGES_AT_LEAST and len(due) >= wanted:
            break
        prepared.expose(each)
        due = list(plans(prepared))
    return due


def _meet_one(prepared: Prepared, tried: Iterable[Tried]) -> None:
    """Let the first change that can be the one that somebody else makes be it."""
    for each in tried:
        if prepared.meet(each):
            return


def catch(subject: Subject, *, most_plans: int, most_mutations: int, seed: int = 0) -> Finding | None:
    """Return the first violation that is found, in at most so many plans; None when there is none."""
    with undistracted():
        prepared: Prepared | None = None
        for prepared in preparing(subject, seed):
            if prepared.findings:
                return prepared.findings[0]
        if prepared is None:
            return None
        exposed: list[tuple[tuple[str, str], ...]] = []
        for mutation in chosen(prepared.mutations(), _random(seed), most_mutations):
            tried = prepared.try_mutation(mutation)
            if prepared.other_spec is None:
                prepared.meet(tried)
            if not tried.findings and len(exposed) < CHANGES_AT_LEAST and tried.writes not in {(), *exposed}:
                exposed.append(tried.writes)
                prepared.expose(tried)
            for finding in (*tried.findings, *prepared.findings):
                return finding
        due = list(plans(prepared))
        _random(seed).shuffle(due)
        for plan in due[:most_plans]:
            _, findings = prepared.try_plan(plan)
            if findings:
                return findings[0]
    return None


def repeat(
    subject: Subject, name: str, *, seed: int = 0, most_mutations: int | None = None
) -> tuple[Outcome, list[Finding]]:
    """Live one plan of a report again; raises OpError when there is none of that name."""
    stage, _, fault_text = name.rpartition("/")
    with undistracted():
        prepared = prepare(subject, seed=seed)
        try:
            fault = parse_fault(fault_text)
        except ValueError as error:
            raise _unknown(name) from error
        if fault.harm in SPEC_HARMS:
            values = chosen(prepared.mutations(), _random(seed), most_mutations)
            _meet_one(prepared, (prepared.try_mutation(each) for each in values))
        if stage.startswith(_CHANGED):
            _change_again(prepared, stage)
        undisturbed = (Plan(number, Fault()) for number in range(len(prepared.stages)))
        for plan in (*undisturbed, *plans(prepared)):
            if f"{prepared.stages[plan.stage].name}/{plan.fault}" == name:
                outcome = prepared.live(prepared.stages[plan.stage], plan.fault)
                return outcome, prepared.judged(plan.stage, plan.fault, outcome)
    raise _unknown(name)


def _change_again(prepared: Prepared, stage: str) -> None:
    """Take in the change that a plan speaks of."""
    named = [each for each in prepared.mutations() if stage in {f"{prefix}{each}" for prefix in _CHANGED}]
    for mutation in named:
        tried = prepared.try_mutation(mutation)
        if tried.taken:
            for each in prepared.changed(mutation):
                prepared.add(replace(each, faults=each.name.startswith("set:")))
        if tried.writes:
            prepared.expose(tried)
            return


def _random(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  a choice of tests


def _unknown(name: str) -> OpError:
    return OpError("test", ErrorKind.NOT_FOUND, name, "no such plan")
