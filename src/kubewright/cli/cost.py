"""`kubewright cost`: what a cluster costs, whose that is, what of it is wasted, and what the month will come to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.options import FOR_PEOPLE, LISTED, output_option

if TYPE_CHECKING:
    from kubewright.costs.sharing import IdleRule


@click.command()
@click.option(
    "--by",
    default="team",
    show_default=True,
    help="team, app, namespace, controller, pod, node, gpu (its model) or label:KEY.",
)
@click.option(
    "--window",
    default="24h",
    show_default=True,
    help="A duration until now, today, yesterday, month, lastmonth, or FROM,TO (UTC). Needs --prometheus.",
)
@click.option("--step", default="", help="Report each hour (1h), day (1d)... of the window by itself.")
@click.option("--resolution", default="", help="How fine the window is looked at; a 288th of it, about, by default.")
@click.option(
    "--idle",
    type=click.Choice(["show", "share", "share-cluster"]),
    default="show",
    show_default=True,
    help="Show what nobody asked for by itself, or have it paid by those on the node, or by everybody.",
)
@click.option("--prices", default="", help="YAML with prices; nodes' labels and NodePools, or OpenCost's, by default.")
@click.option("--prometheus", default="", help="URL of a store that speaks PromQL; without one, an hour as it is now.")
@click.option("--forecast", is_flag=True, help="What this month will come to, by the days so far; to --window's place.")
@click.option("--budget", "budgets", multiple=True, help="NAME=AMOUNT of a month, beside the forecast; repeatable.")
@click.option("--hints", is_flag=True, help="What workloads should request instead, as `kubewright size` has it.")
@output_option((*LISTED, "focus"), "focus: CSV in the columns of FOCUS 1.3.")
@cluster_options
@click.pass_context
def cost(
    call: click.Context,
    *,
    by: str,
    window: str,
    step: str,
    resolution: str,
    idle: IdleRule,
    prices: str,
    prometheus: str,
    forecast: bool,
    budgets: tuple[str, ...],
    hints: bool,
    output: str,
    kubeconfig: str,
    context: str,
) -> None:
    """Show what everybody costs: the larger of what is requested and used, of each resource, at its price.

    What is shown adds up to what the cluster costs, exactly. Pods that are gone count by their seconds. What was not
    measured is told, and is never zero.
    """
    from kubewright.cli.costcalls import Asked, show_costs

    given = call.get_parameter_source("window") is not click.core.ParameterSource.DEFAULT
    if not prometheus and (given or step or resolution or forecast or hints):
        raise click.UsageError(
            "--window, --step, --resolution, --forecast and --hints need the history of --prometheus"
        )
    if not prometheus and output == "focus":
        raise click.UsageError("-o focus is of what was, which takes the history of --prometheus")
    if hints and (forecast or output not in FOR_PEOPLE):
        raise click.UsageError("--hints are for people, below a table")
    if budgets and not forecast:
        raise click.UsageError("--budget is set beside a --forecast")
    if forecast and (given or step or output == "focus"):
        raise click.UsageError("a --forecast is of this month, by days: not of a --window or --step, nor in FOCUS")
    asked = Asked(by, window, step, resolution, idle, prices, prometheus, forecast, budgets, hints, output)
    asyncio.run(show_costs(connection(kubeconfig, context), asked))
