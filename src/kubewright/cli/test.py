"""`kubewright test`: an operator put to the test on the twin."""

from __future__ import annotations

import os
from dataclasses import replace
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
@click.option(
    "--mutations",
    "most_mutations",
    default=200,
    show_default=True,
    type=click.IntRange(1),
    help="At most so many values of properties.",
)
@click.option("--seed", default=0, show_default=True, help="Chooses plans where there are more, names and uids.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option(
    "--settles",
    "settles_seconds",
    default=300.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="Seconds that it may be busy after a change: more for one that watches a release for a while.",
)
@click.option("--ignore", multiple=True, help="Field that may depend on history: status.history, spec.scaling.")
@click.option("--keep", multiple=True, help="Plural of a kind that it leaves on purpose, for the data in it.")
@click.option("--plan", "again", default="", help="Live this one plan of a report again, and show what was written.")
def operator(
    *,
    target: str,
    files: tuple[Path, ...],
    most_plans: int | None,
    most_mutations: int | None,
    seed: int,
    jobs: int,
    settles_seconds: float,
    ignore: tuple[str, ...],
    keep: tuple[str, ...],
    again: str,
) -> int:
    """Live an operator's lives with every fault, under virtual time; exit code 1 when a rule was broken.

    BUILD is the function that is given an Operator, as for `kubewright operate`. The operator is killed around each
    write, given stale views, conflicts and lost events, and its object is changed in every property.
    """
    from kubewright.cli.trying import Extent, examined, repeated, subject_in

    found = subject_in(target, load_build(target), files)
    subject = replace(found, ignored=frozenset(ignore), kept=frozenset(keep), settles_seconds=settles_seconds)
    extent = Extent(most_plans, most_mutations, seed, jobs)
    return repeated(subject, again, extent) if again else examined(subject, extent)
