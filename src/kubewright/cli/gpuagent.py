"""`kubewright gpu-agent`: on each node with GPUs, give pods the GPUs that the scheduler chose for them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.service import log


@click.command("gpu-agent")
@cluster_options
@click.option("--node", default=lambda: os.environ.get("NODE_NAME", ""), help="This node's name; NODE_NAME by default.")
@click.option("--resource", default="nvidia.com/gpu", show_default=True, help="What the kubelet is to call the GPUs.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("/var/lib/kubelet/device-plugins"),
    show_default=True,
    help="Where the kubelet's socket is.",
)
@click.option(
    "--listen", "address", default="", help="HOST:PORT for health and metrics of the use by pod; none by default."
)
@click.option("-v", "--verbose", count=True, help="Tell more; twice for all.")
def gpu_agent(
    *, kubeconfig: str, context: str, node: str, resource: str, directory: Path, address: str, verbose: int
) -> None:
    """Be the kubelet's device plugin for this node's GPUs. Needs the extra `gpu` and NVIDIA's driver.

    It must not run beside NVIDIA's own device plugin for the same resource.
    """
    if not node:
        raise click.UsageError("--node or NODE_NAME must say which node this is")
    log(verbose)
    from kubewright.clock import run_wall
    from kubewright.gpu.agent import run_agent
    from kubewright.gpu.driver import Nvml

    try:
        driver = Nvml()
    except (ImportError, OSError) as error:
        raise click.ClickException(str(error)) from error

    async def work() -> None:
        async with connected(connection(kubeconfig, context)) as client:
            await run_agent(client, driver, node=node, resource=resource, directory=directory, address=address)

    run_wall(work())
