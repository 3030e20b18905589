"""`kubewright twin`: the embedded cluster for other people's clients, and simulated nodes for any cluster."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.terminal import say

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_NODES = 5
NODES = click.option(
    "--nodes", type=click.IntRange(min=0), default=DEFAULT_NODES, show_default=True, help="Simulated nodes."
)
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is random.")
FILE = click.Path(path_type=Path, dir_okay=False)


def serving_options(command: F) -> F:
    """Add where to serve, and how fast time passes there."""
    for option in (
        click.option("--save-to", type=FILE, help="Save the cluster here at the end, without the values of Secrets."),
        click.option(
            "--speed",
            type=click.FloatRange(min=0.1, max=1000),
            default=1.0,
            show_default=True,
            help="Pass time so many times as fast: leases, back-offs, and the seconds that a watch may last.",
        ),
        click.option(
            "--token-file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help='More users, a line each as kube-apiserver reads them: token,user,uid,"group1,group2".',
        ),
        click.option(
            "--dashboard", is_flag=True, help="Show it in a browser, too, on a free port of the host: prints the link."
        ),
        click.option("--gateway-api", is_flag=True, help="Define the Gateway API's kinds: a start that takes seconds."),
        click.option(
            "--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; a free one by default."
        ),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    ):
        command = option(command)
    return SEED(command)


@click.group()
def twin() -> None:
    """Serve an embedded Kubernetes, copy a cluster into one, or add simulated nodes to a cluster."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@twin.command()
@click.option(
    "--nodes", type=click.IntRange(min=0), help=f"Simulated nodes: {DEFAULT_NODES}, or with --load none more."
)
@click.option("--gpus", type=click.IntRange(0, 16), default=0, show_default=True, help="GPUs of each new node.")
@click.option(
    "--node-pools", is_flag=True, help="Keep NodePools, with nodes that come a minute after they are asked for."
)
@click.option("--load", type=FILE, help="Begin with a cluster that `twin save` or `twin from-cluster` saved.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), required=True, help="Written when it serves.")
@serving_options
def serve(*, nodes: int | None, gpus: int, load: Path | None, speed: float, **options: Any) -> None:
    """Serve an embedded cluster until told to end; nothing of it outlives the process but what --save-to keeps."""
    from kubewright.cli.twinserve import Serving, serve

    count = nodes if nodes is not None else (0 if load else DEFAULT_NODES)
    serve(Serving(nodes=count, gpus=gpus, load=load, **options), speed)


@twin.command()
@click.argument("file", type=FILE)
@cluster_options
def save(*, file: Path, kubeconfig: str, context: str) -> None:
    """Save a cluster, a twin or any other, to FILE; `twin serve --load FILE` brings it back.

    FILE is gzip over a JSON object a line. Secrets keep their names, types and keys; their values are left out. Events,
    leases and admission webhooks are not saved.
    """
    from kubewright.cli.twincopy import save_cluster

    asyncio.run(save_cluster(connection(kubeconfig, context), file))


@twin.command("exporters")
def show_exporters() -> None:
    """Print the exporters that Prometheus expects: `kubewright twin exporters | kubectl apply -f -`."""
    from kubewright.cli.twinscrape import print_exporters

    print_exporters()


@twin.command("scrape-config")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--interval", default="15s", show_default=True, help="How often each target is scraped.")
@cluster_options
def write_config(*, directory: Path, interval: str, kubeconfig: str, context: str) -> None:
    """Write a Prometheus configuration into DIRECTORY that scrapes a twin through its API server.

    The token of the kubeconfig goes there, too, in a file that only its owner may read.
    """
    from kubewright.cli.twinscrape import write_scrape_config

    write_scrape_config(connection(kubeconfig, context), directory, interval)


@twin.command("from-cluster")
@click.argument("file", type=FILE, required=False)
@click.option("--serve", "serve_at", type=click.Path(path_type=Path), help="Serve the copy; its kubeconfig goes here.")
@cluster_options
@serving_options
def from_cluster(
    *, file: Path | None, serve_at: Path | None, kubeconfig: str, context: str, speed: float, **options: Any
) -> None:
    """Copy a live cluster into FILE, or into a twin that is served at once.

    The cluster is only read. Its nodes become simulated ones, whose kubelets go on with the pods that run there.
    """
    if file is None and serve_at is None:
        raise click.UsageError("say where the copy goes: FILE, or --serve KUBECONFIG")
    from kubewright.cli.twincopy import save_cluster
    from kubewright.cli.twinserve import Serving, serve

    config = connection(kubeconfig, context)
    with tempfile.TemporaryDirectory(prefix="kubewright-twin-") as folder:
        copy = file or Path(folder, "copy")
        asyncio.run(save_cluster(config, copy))
        if serve_at is not None:
            serve(Serving(nodes=0, load=copy, kubeconfig=serve_at, **options), speed)


@twin.command()
@NODES
@SEED
@cluster_options
def nodes(*, nodes: int, seed: int, kubeconfig: str, context: str) -> None:
    """Add simulated nodes to a cluster that has none, and run pods on them until told to end."""
    from kubewright.cli.twinserve import run_nodes

    asyncio.run(run_nodes(connection(kubeconfig, context), nodes, seed))


@twin.command()
def crds() -> None:
    """Print the CustomResourceDefinition of Faults, for a cluster that `twin nodes` serves; a twin has it already."""
    import yaml

    from kubewright.twin.faults.fault import FAULT_CRD

    say(yaml.safe_dump(FAULT_CRD, sort_keys=False), nl=False)
