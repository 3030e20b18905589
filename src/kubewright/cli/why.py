"""`kubewright why`: why a pod waits for a node, what would let it run, and when it will."""

from __future__ import annotations

import asyncio

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.names import complete_target
from kubewright.cli.options import TOLD, namespace_option, output_option
from kubewright.cli.profiles import profile_option


@click.command()
@click.argument("target", shell_complete=complete_target)
@namespace_option()
@output_option(TOLD)
@profile_option("The profile of its scheduler.")
@cluster_options
def why(*, target: str, namespace: str, output: str, profile: str, kubeconfig: str, context: str) -> int:
    """Say why TARGET waits: pod/NAME, deployment/NAME, job/NAME, appservice/NAME ...

    The live cluster is read, whoever its scheduler is, and every suggestion is tried on a copy in memory; nothing is
    changed. Exit code 0: all its pods have a node; 3: some wait; 1: it could not be told; 2: not understood.
    """
    from kubewright.cli.whycalls import show_why

    return asyncio.run(show_why(connection(kubeconfig, context), target, namespace, output, profile))
