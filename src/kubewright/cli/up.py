"""`kubewright up`: the platform against a cluster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubewright.cli.connection import cluster_options, connection

F = TypeVar("F", bound=Callable[..., Any])
_SERVICE_OPTIONS = (
    click.option("--leader-elect/--no-leader-elect", default=True, show_default=True, help="Of several one acts."),
    click.option("--lease-namespace", default="", help="Namespace of the Lease; the context's by default."),
    click.option("--listen", "address", default="127.0.0.1:8080", show_default=True, help="Health and metrics."),
    click.option("-v", "--verbose", count=True, help="Say more; twice, everything."),
)


def service_options(command: F) -> F:
    """Add what is the same for everything that runs until told to end."""
    for option in reversed(_SERVICE_OPTIONS):
        command = option(command)
    return command


@click.command()
@cluster_options
@service_options
@click.option("--prometheus", default="", help="URL of a store that speaks PromQL: rollouts go by what it measured.")
@click.option("--dry-run", is_flag=True, help="Print what would be written now, write nothing, and end.")
def up(
    *,
    kubeconfig: str,
    context: str,
    leader_elect: bool,
    lease_namespace: str,
    address: str,
    prometheus: str,
    dry_run: bool,
    verbose: int,
) -> None:
    """Run the platform against a cluster until told to end (SIGTERM, Ctrl-C).

    A missing CustomResourceDefinition is created; one that somebody applied is left as it is.
    """
    log(verbose)
    from kubewright.cli.platform import keep_up, rehearse
    from kubewright.runtime.heap import keep_many_objects

    keep_many_objects()
    config = connection(kubeconfig, context)
    if dry_run:
        asyncio.run(rehearse(config))
    else:
        lease = (lease_namespace or config.namespace) if leader_elect else None
        asyncio.run(keep_up(config, lease, address, prometheus=prometheus))


def log(verbose: int) -> None:
    """Say on standard error what goes on: warnings, with 1 the course of things, with 2 everything."""
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    logging.basicConfig(level=levels[min(verbose, 2)], format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
