"""`kubewright new`: projects for operators of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from kubewright.cli.terminal import say


@click.group()
def new() -> None:
    """Begin an operator, or add a kind to one."""


@new.command()
@click.argument("name")
@click.option("--kind", default="", help="Its first kind, such as WebCache; the name's by default.")
@click.option("--group", default="", help="The API group, a domain of yours; NAME.example.com by default.")
@click.option("--plural", default="", help="The kind's plural, where English would have another.")
@click.option("--into", type=click.Path(path_type=Path), help="Directory to make; NAME by default.")
def operator(*, name: str, kind: str, group: str, plural: str, into: Path | None) -> None:
    """Make a project with types, controller, tests, manifests, Dockerfile and CI, which passes its own checks."""
    from kubewright.scaffold.names import Names
    from kubewright.scaffold.project import new_operator

    camel = "".join(part.capitalize() for part in name.split("-"))
    target = into or Path(name)
    names = Names(name, kind or camel, group or f"{name}.example.com", plural)
    _say(new_operator(names, target), target)
    say(f"next: cd {target} && make test")


@new.command()
@click.argument("kind")
@click.option("--plural", default="", help="The kind's plural, where English would have another.")
def api(*, kind: str, plural: str) -> None:
    """Add a kind with its controller and tests to the project in this directory."""
    from kubewright.scaffold.project import new_api

    _say(new_api(kind, plural, Path()), Path())
    say("next: make test")


def _say(written: list[Path], root: Path) -> None:
    for path in sorted(written):
        say(f"  {path.relative_to(root)}")
