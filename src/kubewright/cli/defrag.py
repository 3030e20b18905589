"""`kubewright defrag`: which pods to move so that more GPUs can be given out. It shows; it moves nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from kubewright.cli.columns import Table
from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.options import output_option
from kubewright.cli.printing import show_table

if TYPE_CHECKING:
    from kubewright.placement.defragment import Move


@click.command()
@click.option("--budget", type=click.IntRange(1, 1000), default=10, show_default=True, help="At most so many pods.")
@output_option()
@cluster_options
def defrag(*, budget: int, output: str, kubeconfig: str, context: str) -> None:
    """Show which pods to move, the best first, so that more of the free GPUs can be used.

    Only pods that somebody makes anew are moved, within their disruption budgets, and only where every rule of
    scheduling lets them. What a move gains is told in GPUs, as the profile `gpu` values them for its pods.
    """
    from kubewright.cli.live import read_cluster
    from kubewright.disruption.budget import Allowance, is_movable
    from kubewright.placement.defragment import plan_moves

    async def plan() -> list[Move]:
        async with connected(connection(kubeconfig, context)) as client:
            cluster = await read_cluster(client)
        # Each by itself may go; that all may go at once is the server's to say.
        allowance = Allowance(cluster.budgets, 1)
        waiting = [pod for pod in cluster.pods if not pod.spec.node_name and not pod.is_finished]
        return plan_moves(cluster.snapshot(), lambda pod: is_movable(pod) and allowance.would_let(pod), budget, waiting)

    moves = asyncio.run(plan())
    gained = sum(each.gain for each in moves)
    table = Table(
        ("NAMESPACE", "POD", "FROM", "TO", "GPUS"),
        [(each.pod.namespace, each.pod.name, each.source, each.target, f"{each.gain:.2f}") for each in moves],
        names=[f"pod/{each.pod.name}" for each in moves],
        empty="no move gains anything",
        notes=[f"{len(moves)} moves, {gained:.2f} GPUs"] if moves else (),
    )
    show_table(output, table, lambda: {"moves": [_document(each) for each in moves], "gpus": gained})


def _document(each: Move) -> dict[str, object]:
    head = {"namespace": each.pod.namespace, "pod": each.pod.name, "from": each.source, "to": each.target}
    return {**head, "gpus": each.gain}
