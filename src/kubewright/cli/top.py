"""`kubewright top`: a live view of a cluster in the terminal. Needs the extra `top`."""

from __future__ import annotations

import asyncio

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.extras import need


@click.command()
@click.option(
    "--every", type=click.FloatRange(min=0.5), default=2.0, show_default=True, help="Seconds between two looks."
)
@cluster_options
def top(*, every: float, kubeconfig: str, context: str) -> None:
    """Watch nodes, applications, the queue and incidents live; 1 to 4 choose the table, q ends it."""
    need("top", "textual", "top", "; `kubewright status -w` does not")
    from kubewright.cli.topview import Top
    from kubewright.overview.reading import read_facts

    async def run() -> None:
        config = connection(kubeconfig, context)
        async with connected(config) as client:
            await read_facts(client)  # who cannot be asked is told of before the screen is taken
            await Top(lambda: read_facts(client), config.server, every).run_async()

    asyncio.run(run())
