"""`kubewright net`: who reaches whom in a cluster, and which rule decides it."""

from __future__ import annotations

import asyncio

import click

from kubewright.cli.connection import cluster_options, connection

_OUTPUT = click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)


@click.group()
def net() -> None:
    """Say who reaches whom, and which rule decides it."""


@net.command("can-reach")
@click.argument("source", metavar="A")
@click.argument("destination", metavar="B")
@click.option("-p", "--port", default="", help="A number or a name; by default every port that B has.")
@click.option("--protocol", type=click.Choice(["TCP", "UDP", "SCTP"]), help="B's on that port by default, else TCP.")
@click.option("--by-address", is_flag=True, help="A service is called by its address: no name has to be resolved.")
@click.option("-n", "--namespace", default="", help="Of A and B where they do not say; the context's by default.")
@_OUTPUT
@cluster_options
def can_reach(
    *,
    source: str,
    destination: str,
    port: str,
    protocol: str | None,
    by_address: bool,
    namespace: str,
    output: str,
    kubeconfig: str,
    context: str,
) -> int:
    """Say whether A can reach B, by which rules, and what would let it.

    A and B are [NAMESPACE/]KIND/NAME (pod, deployment, statefulset, app, service ...), namespace/NAME, node/NAME, an
    address, a host's name, or internet. The cluster is read once and nothing is changed. Exit code 0: every pod of A
    reaches every pod of B; 1: none does; 2: some do, or it cannot be told; 3: A or B could not be asked about.
    """
    from kubewright.cli.netcalls import Asked, show_reach

    asked = Asked(source, destination, int(port) if port.isdecimal() else port or None, protocol, not by_address)
    return asyncio.run(show_reach(connection(kubeconfig, context), asked, namespace, output))
