"""`kubewright agent`: what runs on each node, and the manifest by which it gets there."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.service import log
from kubewright.cli.terminal import say
from kubewright.cli.yamlform import dump_all


@click.group()
def agent() -> None:
    """The node agent: what only the node itself can tell."""


@agent.command()
@click.option("--image", default="kubewright:0.1.0", show_default=True, help="The image that it runs.")
@click.option("--self-fencing", is_flag=True, help="Resets a machine that is cut off; needs a watchdog.")
def manifest(*, image: str, self_fencing: bool) -> None:
    """Print the DaemonSet with its account and rights: `kubewright agent manifest | kubectl apply -f -`."""
    from kubewright.healing.agent.manifest import manifests

    say(dump_all(manifests(image=image, self_fencing=self_fencing)), nl=False)


@agent.command()
@cluster_options
@click.option(
    "--node", "name", default=lambda: os.environ.get("NODE_NAME", ""), help="This node; NODE_NAME by default."
)
@click.option("--root", type=click.Path(path_type=Path), default=Path("/"), help="Where the host's files are.")
@click.option("--runtime", default="/run/containerd/containerd.sock", show_default=True, help="The runtime's socket.")
@click.option("--port", type=int, default=9402, show_default=True, help="Where neighbours ask.")
@click.option("--self-fencing", is_flag=True, help="Reset this machine when it is cut off; needs a watchdog.")
@click.option("-v", "--verbose", count=True, help="Tell more; twice for all.")
def node(
    *, kubeconfig: str, context: str, name: str, root: Path, runtime: str, port: int, self_fencing: bool, verbose: int
) -> None:
    """Watch over this node: its kernel's log, disks, clock, container runtime, kubelet and neighbours."""
    if not name:
        raise click.UsageError("--node or NODE_NAME must say which node this is")
    log(verbose)
    from kubewright.clock import Clock, run_wall
    from kubewright.healing.agent.checks import Places
    from kubewright.healing.agent.run import NodeAgent, Settings
    from kubewright.healing.agent.watchdog import Watchdog
    from kubewright.runtime.shutdown import run_until_signalled

    def boot() -> None:
        Path("/proc/sysrq-trigger").write_text("b", encoding="ascii")

    places = Places(root, root / runtime.lstrip("/"))

    async def work() -> None:
        arm, reset = (Watchdog, boot) if self_fencing else (None, None)
        settings = Settings(name, places, port=port, arm=arm, boot=reset)
        async with connected(connection(kubeconfig, context)) as client:
            working = NodeAgent(client, Clock.wall(), settings)
            await run_until_signalled(working.run(), grace_seconds=10)
            await working.leave()

    run_wall(work())
