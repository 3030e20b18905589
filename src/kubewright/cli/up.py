"""`kubewright up`: the platform against a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.options import dry_run_option
from kubewright.cli.service import (
    alerts_options,
    lease_place,
    log,
    prometheus_option,
    service_names,
    service_options,
    with_alerts,
)


@click.command()
@cluster_options
@service_options
@prometheus_option
@click.option(
    "--services",
    default="",
    help="Which of `run`, by comma, or all but the dashboard: `all`. Workloads and autoscaler by default.",
)
@alerts_options
@dry_run_option("Print what would be written now, write nothing, and end.")
def up(
    *,
    kubeconfig: str,
    context: str,
    leader_elect: bool,
    lease_namespace: str,
    address: str,
    debug: bool,
    prometheus: str,
    services: str,
    alerts_listen: str,
    alerts_token_file: Path | None,
    tls_cert_file: Path | None,
    tls_key_file: Path | None,
    dry_run: bool,
    verbose: int,
) -> None:
    """Run the platform against a cluster until told to end (SIGTERM, Ctrl-C).

    A missing CustomResourceDefinition is created; one that somebody applied is left as it is.
    """
    log(verbose)
    from kubewright.app import UP, Choices
    from kubewright.cli.platform import keep_up, rehearse
    from kubewright.clock import run_wall
    from kubewright.runtime.heap import keep_many_objects

    keep_many_objects()
    choices = with_alerts(
        Choices(services=service_names(services, in_one=True) or UP),
        alerts_listen=alerts_listen,
        alerts_token_file=alerts_token_file,
        tls_cert_file=tls_cert_file,
        tls_key_file=tls_key_file,
    )
    config = connection(kubeconfig, context)
    if dry_run:
        run_wall(rehearse(config, choices, prometheus=prometheus))
    else:
        lease = lease_place(config, lease_namespace, elected=leader_elect)
        run_wall(keep_up(config, lease, address, choices, prometheus=prometheus, debug=debug))
