"""`kubewright net`: who reaches whom in a cluster, and which rule decides it."""

from __future__ import annotations

import asyncio

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.options import TOLD, namespace_option, output_option

_OUTPUT = output_option(TOLD)


@click.group()
def net() -> None:
    """Say who reaches whom, and which rule decides it."""


@net.command("can-reach")
@click.argument("source", metavar="A")
@click.argument("destination", metavar="B")
@click.option("-p", "--port", default="", help="A number or a name; by default every port that B has.")
@click.option("--protocol", type=click.Choice(["TCP", "UDP", "SCTP"]), help="B's on that port by default, else TCP.")
@click.option("--by-address", is_flag=True, help="A service is called by its address: no name has to be resolved.")
@namespace_option("Of A and B where they do not say; the context's by default.")
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
    return asyncio.run(show_reach(lambda: connection(kubeconfig, context), asked, namespace, output))


@net.command()
@click.argument("target")
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Where TARGET does not say.")
@click.option("--from-pod", "pod", default="", metavar="[NS/]POD", help="Try it inside a pod, by what its image has.")
@click.option("-c", "--container", default="", help="Of the pod; its first by default.")
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=5.0, show_default=True, help="Seconds a layer.")
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False), help="Authorities to trust, from this machine."
)
@namespace_option("Of the pod; the context's by default.")
@_OUTPUT
@cluster_options
def probe(
    *,
    target: str,
    port: int | None,
    pod: str,
    container: str,
    timeout: float,
    ca_file: str | None,
    namespace: str,
    output: str,
    kubeconfig: str,
    context: str,
) -> int:
    """Try TARGET layer by layer: name, TCP, TLS, HTTP; which fails, how long each takes, and what that means.

    TARGET is https://HOST[:PORT]/PATH, http://..., tcp://HOST:PORT, or HOST:PORT; without a scheme 443, 6443 and 8443
    mean https, 80 and 8080 http. Exit code 0: it works; 1: a layer fails; 2: some of its addresses do; 3: not tried.
    """
    from kubewright.cli.netprobe import Tried, show_probe

    tried = Tried(target, port, pod, container, timeout, ca_file, namespace)
    return asyncio.run(show_probe(tried, output, lambda: connection(kubeconfig, context)))
