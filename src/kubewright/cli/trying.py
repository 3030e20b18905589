"""What `kubewright test operator` does once it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kubewright.cli.documents import read
from kubewright.cli.terminal import say
from kubewright.harness.runner import examine, repeat
from kubewright.harness.subject import Build, Subject, subject_of


@dataclass(frozen=True, slots=True)
class Extent:
    """How many lives, and which."""

    most_plans: int | None
    most_mutations: int | None
    seed: int
    jobs: int


def examined(subject: Subject, extent: Extent) -> int:
    """Examine the operator and print the report; return the exit code."""
    report = examine(
        subject,
        most_plans=extent.most_plans,
        most_mutations=extent.most_mutations,
        seed=extent.seed,
        jobs=extent.jobs,
    )
    say("\n".join(report.lines()))
    return 1 if report.findings else 0


def repeated(subject: Subject, plan: str, extent: Extent) -> int:
    """Live one plan again and print its writes and what it broke; return the exit code."""
    outcome, findings = repeat(subject, plan, seed=extent.seed, most_mutations=extent.most_mutations)
    for write in outcome.log.writes:
        say(f"{write}")
    for finding in findings:
        say(f"{finding.violation.rule}: {finding.violation.detail}")
    return 1 if findings else 0


def subject_in(target: str, build: Build, files: Sequence[Path]) -> Subject:
    """Return the operator with the objects of these files; raises OpError."""
    return subject_of(target.partition(":")[0], build, read(map(str, files)))
