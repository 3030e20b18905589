"""`kubewright diff`: what applying AppServices would change in a cluster, as its server says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.options import color_option, namespace_option
from kubewright.cli.terminal import say
from kubewright.errors import ErrorKind, OpError

if TYPE_CHECKING:
    from kubewright.workloads.rollout.rehearsal import Outcome


@click.command()
@cluster_options
@click.option("-f", "--filename", "paths", multiple=True, required=True, help="A file, a folder, or - ; repeatable.")
@namespace_option("Of AppServices that name none; the context's by default.")
@click.option("--rehearse", is_flag=True, help="Try it on a copy of the cluster as well, and say what comes of it.")
@color_option()
def diff(
    kubeconfig: str, context: str, paths: tuple[str, ...], namespace: str, *, rehearse: bool, color: bool | None
) -> int:
    """Show what applying AppServices would change, in them and in everything that is made of them.

    The server itself is asked, by dry runs. Exit code 0: nothing would change; 1: something would; 2: no telling; 3: a
    rehearsal failed.
    """
    from kubewright.cli.differences import differences, rehearsed
    from kubewright.cli.difftext import shown
    from kubewright.cli.documents import is_app_service, read

    outcomes: dict[str, Outcome] = {}

    async def ask() -> list[str]:
        documents = [each for each in read(paths) if is_app_service(each)]
        if not documents:
            raise OpError("diff", ErrorKind.INVALID, ", ".join(paths), "there is no AppService in it to compare")
        config = connection(kubeconfig, context)
        async with connected(config) as client:
            place = namespace or config.namespace
            lines = [line for each in documents for line in await differences(client, each, place)]
            outcomes.update([await rehearsed(client, each, place) for each in documents] if rehearse else [])
            return lines

    code = shown(lambda: asyncio.run(ask()), color=color)
    for name, outcome in outcomes.items():
        say(f"rehearsal of {name}: {'passed' if outcome.passed else 'failed'}: {outcome.message}")
    return code if all(outcome.passed for outcome in outcomes.values()) else 3
