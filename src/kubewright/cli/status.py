"""`kubewright status`: one screen that says whether all is well."""

from __future__ import annotations

import asyncio

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.options import FOR_PEOPLE, color_option, output_option, watch_option


@click.command()
@output_option()
@watch_option("Go on, and show it again every few seconds; `kubewright top` shows more.")
@color_option()
@cluster_options
def status(*, output: str, watch: bool, color: bool | None, kubeconfig: str, context: str) -> int:
    """Say whether all is well: services, nodes, applications, queue, GPUs, incidents, budgets, and what wants you.

    Exit code 0: all is well; 3: something is not; 1: it could not be told, or not of everything; 2: not understood.
    """
    from kubewright.cli.statuscalls import show_status

    if watch and output not in FOR_PEOPLE:
        raise click.UsageError("--watch is for people: with -o table")
    return asyncio.run(show_status(connection(kubeconfig, context), output, color, watch=watch))
