"""`kubewright defrag`: which pods to move so that more GPUs can be given out. It shows; it moves nobody."""

from __future__ import annotations

import asyncio

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.terminal import say


@click.command()
@click.option("--budget", type=click.IntRange(1, 1000), default=10, show_default=True, help="At most so many pods.")
@cluster_options
def defrag(*, budget: int, kubeconfig: str, context: str) -> None:
    """Show which pods to move, the best first, so that more of the free GPUs can be used.

    Only pods that somebody makes anew are moved, within their disruption budgets, and only where every rule of
    scheduling lets them. What a move gains is told in GPUs, as the profile `gpu` values them for its pods.
    """
    from kubewright.cli.live import read_cluster
    from kubewright.disruption.budget import Allowance
    from kubewright.placement.defragment import Move, plan_moves

    async def plan() -> list[Move]:
        async with connected(connection(kubeconfig, context)) as client:
            cluster = await read_cluster(client)
        # Each by itself may go; that all may go at once is the server's to say.
        waiting = [pod for pod in cluster.pods if not pod.spec.node_name and not pod.is_finished]
        return plan_moves(cluster.snapshot(), lambda pod: Allowance(cluster.budgets, 1).spend([pod]), budget, waiting)

    moves = asyncio.run(plan())
    for each in moves:
        say(f"pod/{each.pod.name} of {each.pod.namespace}: {each.source} -> {each.target}, {each.gain:.2f} GPUs")
    say(f"{len(moves)} moves, {sum(each.gain for each in moves):.2f} GPUs" if moves else "no move gains anything")
