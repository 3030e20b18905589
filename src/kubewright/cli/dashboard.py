"""`kubewright dashboard`: the cluster in a browser, for the person who runs the command."""

from __future__ import annotations

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.service import log, prometheus_option


@click.command()
@cluster_options
@click.option("--listen", "address", default="127.0.0.1:8089", show_default=True, help="Where the browser finds it.")
@prometheus_option
@click.option("--read-only", is_flag=True, help="Nothing can be changed from the screen.")
@click.option("--open/--no-open", "opened", default=False, help="Open the browser.")
@click.option("-v", "--verbose", count=True, help="Say more; twice, everything.")
def dashboard(
    *, kubeconfig: str, context: str, address: str, prometheus: str, read_only: bool, opened: bool, verbose: int
) -> None:
    """Show the cluster in a browser: fleet, applications, queue, incidents, and more.

    Whoever opens the link that is printed acts as this kubeconfig's user, and others who reach the address sign in
    with a token of their own. Nobody sees or does more than the cluster lets them.

    With --prometheus it draws what the store remembers, too: load, releases' error budgets, traffic, use and cost.
    """
    log(verbose)
    from kubewright.cli.dashboardcalls import Asked, show
    from kubewright.clock import run_wall
    from kubewright.runtime.heap import keep_many_objects

    keep_many_objects()
    run_wall(show(connection(kubeconfig, context), Asked(address, prometheus, read_only=read_only, opened=opened)))
