"""`kubewright consolidate`: which nodes could be given back, who would move where, and why the others stay."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.options import TOLD, output_option
from kubewright.cli.printing import show
from kubewright.cli.profiles import profile_option
from kubewright.cli.terminal import say

if TYPE_CHECKING:
    from kubewright.api.crds.nodepool import NodePool
    from kubewright.client.protocol import Client


@click.command()
@profile_option("What the cluster's scheduler prefers: moves are tried by it.")
@output_option(TOLD)
@cluster_options
def consolidate(*, profile: str, output: str, kubeconfig: str, context: str) -> None:
    """Show which nodes could be given back at a saving, tried on a copy of the live cluster. It moves nobody.

    NodePools say which nodes and at which price; without any it is all nodes, at 1 an hour unless a node's label
    kubewright.dev/hourly-cost says otherwise.
    """
    from kubewright.app import PROFILES
    from kubewright.cli.live import read_cluster
    from kubewright.clock import Clock
    from kubewright.nodepools.preview import Preview, preview, priced, whole_cluster
    from kubewright.nodepools.seen import Seen

    async def look() -> list[Preview]:
        async with connected(connection(kubeconfig, context)) as client:
            cluster, pools = await read_cluster(client), await _pools(client)
        if not pools:
            cluster = replace(cluster, nodes=tuple(priced(each) for each in cluster.nodes))
        waiting = tuple(each for each in cluster.pods if not each.spec.node_name and not each.is_finished)
        every = pools or (whole_cluster(),)
        seen = Seen(every, cluster.snapshot(), waiting, cluster.budgets, policy=PROFILES[profile])
        return list(preview(seen, Clock.wall().now()))

    found = asyncio.run(look())
    show(
        output,
        lambda: {"pools": [each.document() for each in found]},
        lambda: (line for each in found for line in each.lines()),
    )


async def _pools(client: Client) -> tuple[NodePool, ...]:
    """Read the pools that say nothing wrong; none where their kind is not installed."""
    from kubewright.api.crds.nodepool import NODE_POOLS, problems
    from kubewright.runtime.children import list_if_served

    found = await list_if_served(client, NODE_POOLS)
    for each in found:
        for problem in problems(each):
            say(f"NodePool {each.metadata.name} is left out: {problem}", err=True)
    return tuple(each for each in found if not problems(each))
