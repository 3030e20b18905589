"""`kubewright test`: an operator put to the test on the twin."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kubewright.cli.operate import load_build


@click.group()
def test() -> None:
    """Put an operator to the test."""


@test.command()
@click.argument("target", metavar="MODULE:BUILD")
@click.option("-f", "--sample", "files", multiple=True, required=True, type=click.Path(exists=True, path_type=Path),
              help="YAML of an object of the operator's kind, and of what must be around it.")  # fmt: skip
@click.option("--plans", "most_plans", type=click.IntRange(1), help="At most so many lives with faults.")
@click.option("--mutations", "most_mutations", type=click.IntRange(1), help="At most so many values of properties.")
@click.option("--seed", default=0, show_default=True, help="Chooses plans where there are more, names and uids.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--ignore", multiple=True, help="Field of the object that may depend on history, such as status.history.")
@click.option("--plan", "again", default="", help="Live this one plan of a report again, and show what was written.")
def operator(
    *,
    target: str,
    files: tuple[Path, ...],
    most_plans: int | None,
    most_mutations: int | None,
    seed: int,
    jobs: int,
    ignore: tuple[str, ...],
    again: str,
) -> int:
    """Live an operator's lives with every fault, under virtual time; exit code 1 when a rule was broken.

    BUILD is the function that is given an Operator, as for `kubewright operate`. The operator is killed around each
    write, given stale views, conflicts and lost events, and its object is changed in every property.
    """
    from kubewright.cli.trying import examined, repeated, subject_in

    build = load_build(target)
    if again:
        return repeated(subject_in(target, build, files, frozenset(ignore)), again, seed=seed)
    subject = subject_in(target, build, files, frozenset(ignore))
    return examined(subject, most_plans=most_plans, most_mutations=most_mutations, seed=seed, jobs=jobs)
