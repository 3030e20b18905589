"""`kubewright whatif`: what a change would do to the pods of a live cluster, before it is made."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.names import complete
from kubewright.cli.options import TOLD, namespace_option, output_option
from kubewright.cli.profiles import PROFILES, profile_option


@click.command()
@click.option("--add-nodes", "added", multiple=True, metavar="N=like:NODE", help="More nodes like one that is there.")
@click.option(
    "--remove-node", "removed", multiple=True, metavar="NODE", help="A node goes.", shell_complete=complete("nodes")
)
@click.option("--scale", "scaled", multiple=True, metavar="KIND/NAME=N", help="A workload has N pods.")
@click.option(
    "--priority", "priorities", multiple=True, metavar="KIND/NAME=P", help="Pods have a priority: a number or a class."
)
@click.option(
    "--quota", "quotas", multiple=True, metavar="NAME=RESOURCE:AMOUNT", help="A ResourceQuota allows that much."
)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="FILE",
    help="Teams' Queues are as in the file, those there and new ones.",
)
@profile_option("The scheduler's profile.")
@click.option(
    "--to-profile", type=click.Choice(PROFILES), help="Another profile, to see what it would do with what waits."
)
@namespace_option("Of workloads, pods and quotas; the context's by default.")
@output_option(TOLD)
@cluster_options
def whatif(*, kubeconfig: str, context: str, **options: Any) -> int:
    """Show what would be placed, evicted, or wait, and what that does to utilisation, if something changed.

    The live cluster is read once, and the changes are made to a copy in memory; nothing is changed. Every option but
    --profile can be given several times. Exit code 0: nobody is worse off; 3: a pod would be evicted, or have no node
    that has one; 1: it could not be told; 2: not understood.
    """
    from kubewright.cli.whatifcalls import Asked, show_effect

    return asyncio.run(show_effect(connection(kubeconfig, context), Asked(**options)))
