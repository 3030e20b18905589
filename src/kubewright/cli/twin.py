"""`kubewright twin`: the embedded cluster for other people's clients, and simulated nodes for any cluster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.client.config import ConnectionConfig
from kubewright.client.connect import connect
from kubewright.clock import Clock
from kubewright.runtime.heap import keep_many_objects
from kubewright.runtime.shutdown import run_until_signalled
from kubewright.twin.cluster import SimulatedNodes, Twin
from kubewright.twin.serve import serving

NODES = click.option("--nodes", type=click.IntRange(min=0), default=5, show_default=True, help="Simulated nodes.")
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is random.")


@click.group()
def twin() -> None:
    """Serve an embedded Kubernetes, or add simulated nodes to a cluster."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    keep_many_objects()


@twin.command()
@NODES
@SEED
@click.option("--kubeconfig", type=click.Path(path_type=Path), required=True, help="Written when it serves.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; a free one by default.")
def serve(*, nodes: int, seed: int, kubeconfig: Path, host: str, port: int) -> None:
    """Serve an embedded cluster until told to end; nothing of it outlives the process."""

    async def main() -> None:
        async with (
            Twin(Clock.wall(), nodes=nodes, seed=seed) as cluster,
            serving(cluster.server, kubeconfig, host, port) as endpoint,
        ):
            click.echo(f"{nodes} nodes on {endpoint.url}; export KUBECONFIG={kubeconfig}")
            await asyncio.Event().wait()

    asyncio.run(_to_the_end(main()))


@twin.command()
@NODES
@SEED
@cluster_options
def nodes(*, nodes: int, seed: int, kubeconfig: str, context: str) -> None:
    """Add simulated nodes to a cluster that has none, and run pods on them until told to end."""
    asyncio.run(_nodes(connection(kubeconfig, context), nodes, seed))


async def _nodes(config: ConnectionConfig, count: int, seed: int) -> None:
    client = connect(config)
    try:
        await client.raw("GET", "/version")
        click.echo(f"{count} simulated nodes on {config.server}")
        await run_until_signalled(SimulatedNodes(client, Clock.wall(), nodes=count, seed=seed).run())
    finally:
        await client.close()


async def _to_the_end(main: Coroutine[None, None, None]) -> None:
    await run_until_signalled(main)
