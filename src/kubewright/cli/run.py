"""`kubewright run SERVICE`: one part of the platform by itself, with replicas and a lease of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.dashboardrun import dashboard
from kubewright.cli.profiles import profile_option
from kubewright.cli.service import (
    FILE,
    alerts_options,
    ink,
    ink_options,
    lease_place,
    log,
    prometheus_option,
    service_options,
    with_alerts,
)

if TYPE_CHECKING:
    from kubewright.app import Choices


@click.group()
def run() -> None:
    """Run one service of the platform until told to end (SIGTERM, Ctrl-C)."""


run.add_command(dashboard)


@run.command()
@cluster_options
@service_options
@click.option(
    "--name", default="kubewright-scheduler", show_default=True, help="Which pods: those of this schedulerName."
)
@profile_option("Empty nodes first, as kube-scheduler; full ones; cheap ones; or whole GPUs last.")
def scheduler(*, name: str, profile: str, **service: Any) -> None:
    """Place pods. With --name default-scheduler it takes the place of kube-scheduler, which must not run then."""
    from kubewright.app import Choices

    _run(Choices(services=("scheduler",), scheduler_name=name, profile=profile), **service)


@run.command()
@cluster_options
@service_options
def gpu(**service: Any) -> None:
    """Have pools of nodes do with their GPUs what GPUPolicies say; their kind is installed where it is missing."""
    from kubewright.app import Choices

    _run(Choices(services=("gpu",)), **service)


@run.command()
@cluster_options
@service_options
def guardrails(**service: Any) -> None:
    """Have the API server hold what PlatformPolicies say; their kind is installed where it is missing."""
    from kubewright.app import Choices

    _run(Choices(services=("guardrails",)), **service)


@run.command()
@cluster_options
@service_options
@profile_option("What the cluster's scheduler prefers: moves are tried by it.")
def nodes(*, profile: str, **service: Any) -> None:
    """Add nodes where pods wait and give back what can be spared, as NodePools say; by Cluster API."""
    from kubewright.app import Choices

    _run(Choices(services=("nodes",), profile=profile), **service)


@run.command()
@cluster_options
@service_options
@prometheus_option
def workloads(**service: Any) -> None:
    """Keep AppServices as their owners want them."""
    from kubewright.app import Choices

    _run(Choices(), **service)


@run.command()
@cluster_options
@service_options
@prometheus_option
def autoscaler(**service: Any) -> None:
    """Scale workloads as ScalePolicies say; their kind is installed where it is missing.

    Cpu and memory come from metrics.k8s.io, all else from the store at --prometheus.
    """
    from kubewright.app import Choices

    _run(Choices(services=("autoscaler",)), **service)


@run.command()
@cluster_options
@service_options
@prometheus_option
def sizing(**service: Any) -> None:
    """Size containers as SizePolicies say; their kind is installed where it is missing.

    What they used in the last days is asked of the store at --prometheus. Without one it is learned as it happens,
    from metrics.k8s.io.
    """
    from kubewright.app import Choices

    _run(Choices(services=("sizing",)), **service)


@run.command()
@cluster_options
@service_options
@ink_options
@prometheus_option
def tenancy(*, audit_key_file: Path | None, audit_sink: Path | None, **service: Any) -> None:
    """Give Teams namespaces, roles, quotas, a network and queues; their kinds are installed where missing.

    How budgets fare is told by what the store at --prometheus remembers of `kubewright run costs`.
    """
    from kubewright.app import Choices

    _run(Choices(services=("tenancy",), ink=ink(audit_key_file, audit_sink)), **service)


@run.command()
@cluster_options
@service_options
@prometheus_option
@click.option("--prices", default="", help="YAML with prices; nodes' labels and NodePools, or OpenCost's, by default.")
def costs(*, prices: str, **service: Any) -> None:
    """Tell Prometheus what everybody costs an hour, for budgets, alerts and dashboards; it writes nothing.

    What is used is asked of the store at --prometheus, without one of metrics.k8s.io.
    """
    from kubewright.app import Choices
    from kubewright.cli.documents import read_plain
    from kubewright.costs.prices import read_prices

    book = read_prices(read_plain(prices), prices) if prices else None
    _run(Choices(services=("costs",), prices=book), **service)


@run.command()
@cluster_options
@service_options
@alerts_options
def monitoring(
    *,
    alerts_listen: str,
    alerts_token_file: Path | None,
    tls_cert_file: Path | None,
    tls_key_file: Path | None,
    **service: Any,
) -> None:
    """Take signals of faults in, from Alertmanager and from the API itself, and tell the objects by Events."""
    from kubewright.app import Choices

    choices = with_alerts(
        Choices(services=("monitoring",)),
        alerts_listen=alerts_listen,
        alerts_token_file=alerts_token_file,
        tls_cert_file=tls_cert_file,
        tls_key_file=tls_key_file,
    )
    _run(choices, **service)


@run.command()
@cluster_options
@service_options
@ink_options
@prometheus_option
@profile_option("What the cluster's scheduler prefers: moves are rehearsed by it.")
def healing(*, profile: str, audit_key_file: Path | None, audit_sink: Path | None, **service: Any) -> None:
    """Find what is wrong and mend it, as far as HealingPolicies let it; without any it only tells, by Incidents."""
    from kubewright.app import Choices

    _run(Choices(services=("healing",), profile=profile, ink=ink(audit_key_file, audit_sink)), **service)


@run.command()
@cluster_options
@service_options
@click.option("--audit-key-file", type=FILE, help="Sign checkpoints and notes: an Ed25519 private key, PEM.")
@click.option(
    "--archive", type=click.Path(dir_okay=False, path_type=Path), help="A file that all records go to before any goes."
)
@click.option(
    "--keep", default=5000, show_default=True, type=click.IntRange(1), help="How many records stay in the cluster."
)
def audit(*, audit_key_file: Path | None, archive: Path | None, keep: int, **service: Any) -> None:
    """Look after the audit log: verify it each minute, note how far it goes, archive what is new, prune the oldest."""
    from kubewright.app import Choices

    written_by = replace(ink(audit_key_file, archive), sink=None)
    _run(Choices(services=("audit",), ink=written_by, audit_archive=archive, audit_keep=keep), **service)


def _run(
    choices: Choices,
    *,
    kubeconfig: str,
    context: str,
    leader_elect: bool,
    lease_namespace: str,
    address: str,
    debug: bool,
    verbose: int,
    prometheus: str = "",
) -> None:
    log(verbose)
    from kubewright.cli.platform import keep_up
    from kubewright.clock import run_wall
    from kubewright.runtime.heap import keep_many_objects

    keep_many_objects()
    config = connection(kubeconfig, context)
    lease = lease_place(config, lease_namespace, elected=leader_elect)
    run_wall(keep_up(config, lease, address, choices, prometheus=prometheus, debug=debug))
