"""`kubewright drill`: break something on purpose, and see how soon it is noticed, understood, mended and proved."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.options import output_option, yes_option

_IMAGE = "nginxinc/nginx-unprivileged:1.29"


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from kubewright.drills.catalogue import DRILLS

    return [name for name in DRILLS if name.startswith(incomplete)]


class Named(click.Group):
    """A group in which `drill NAME` is `drill run NAME`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or take what is none for a drill."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["run", *args])


@click.group(cls=Named)
def drill() -> None:
    """Break something on purpose, and see how soon it is noticed, understood, mended and proved.

    `drill NAME` is `drill run NAME`.
    """


@drill.command(name="list")
@output_option()
def list_drills(output: str) -> None:
    """List the drills: what goes wrong, which cause is to be found, and which may be done to a real cluster."""
    from kubewright.cli.drillcalls import listed

    listed(output)


@drill.command(name="run")
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=_complete)
@click.option("--all", "everything", is_flag=True, help="Every drill that there is.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the twin.")
@click.option("--stock", is_flag=True, help="On the twin: beside it, what stock controllers do about the same fault.")
@click.option("--on-cluster", is_flag=True, help="Play on the cluster of the kubeconfig; only what harms nobody.")
@click.option("--image", default=_IMAGE, show_default=True, help="There: an image that serves HTTP on port 8080.")
@yes_option("There: do not ask first.")
@output_option()
@cluster_options
def run_drills(*, kubeconfig: str, context: str, on_cluster: bool, **options: Any) -> int:
    """Play drills, and report when each fault was detected, its cause named, something done, and service restored.

    On a twin in this process, under virtual time, unless --on-cluster is given: then on a real cluster on which
    `kubewright run healing` runs and acts, in the namespace `drill`, which is deleted at the end, and when Ctrl-C or
    SIGTERM aborts it. Exit code 0: all were mended, or rightly left alone; 3: some were not; 1: it could not be played;
    2: not understood.
    """
    from kubewright.cli.drillcalls import Asked, play_here, play_on

    asked = Asked(**options)
    if not on_cluster:
        return play_here(asked)
    return asyncio.run(play_on(connection(kubeconfig, context), asked))
