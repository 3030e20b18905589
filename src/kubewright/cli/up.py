"""`kubewright up`: the platform against a cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import socket

import click
from prometheus_client import CollectorRegistry

from kubewright.api.meta import ObjectKey
from kubewright.app import Platform, missing_definitions
from kubewright.cli.connection import cluster_options, connection
from kubewright.client.config import ConnectionConfig
from kubewright.client.connect import connect
from kubewright.client.http import HttpTransport
from kubewright.client.recording import Mode, RecordingClient, Write
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.health import HealthApp
from kubewright.runtime.heap import keep_many_objects
from kubewright.runtime.leader import LeaderElector, LeadershipLostError
from kubewright.runtime.metered import MeteredTransport
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.serving import listen, serve_asgi
from kubewright.runtime.shutdown import run_until_signalled

LEASE = "kubewright"
SETTLE_POLL_SECONDS = 0.1


@click.command()
@cluster_options
@click.option("--leader-elect/--no-leader-elect", default=True, show_default=True, help="Of several replicas one acts.")
@click.option("--lease-namespace", default="", help="Namespace of the Lease; the context's by default.")
@click.option("--listen", "address", default="127.0.0.1:8080", show_default=True, help="Health and metrics.")
@click.option("--dry-run", is_flag=True, help="Print what would be written now, write nothing, and end.")
@click.option("-v", "--verbose", count=True, help="Say more; twice, everything.")
def up(
    *,
    kubeconfig: str,
    context: str,
    leader_elect: bool,
    lease_namespace: str,
    address: str,
    dry_run: bool,
    verbose: int,
) -> None:
    """Run the platform against a cluster until told to end (SIGTERM, Ctrl-C).

    A missing CustomResourceDefinition is created; one that somebody applied is left as it is.
    """
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    logging.basicConfig(level=levels[min(verbose, 2)], format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    keep_many_objects()
    config = connection(kubeconfig, context)
    if dry_run:
        asyncio.run(_rehearse(config))
        return
    lease = ObjectKey(lease_namespace or config.namespace, LEASE) if leader_elect else None
    asyncio.run(_up(config, lease, address))


async def _up(config: ConnectionConfig, lease: ObjectKey | None, address: str) -> None:
    clock = Clock.wall()
    registry = CollectorRegistry()
    metrics = RuntimeMetrics(registry)
    client = RestClient(MeteredTransport(HttpTransport(config), metrics, config.server))
    try:
        await client.raw("GET", "/version")  # says at once, and in one line, what is wrong with the connection
        platform = Platform(client, clock, metrics=metrics)
        health = HealthApp(registry, {"caches": lambda: platform.ready})
        elector = LeaderElector(client, clock, lease, _identity(), metrics=metrics) if lease else None
        click.echo(f"kubewright is up against {config.server}; health and metrics on http://{address}")
        await run_until_signalled(_serve(platform, elector, health, address))
    finally:
        await client.close()


async def _rehearse(config: ConnectionConfig) -> None:
    """Let the platform decide, and the server check, what it would write now."""
    client = connect(config)
    recording = RecordingClient(client, Mode.DRY_RUN)
    platform = Platform(recording, Clock.wall())
    try:
        if missing := await missing_definitions(client):
            names = ", ".join(manifest["metadata"]["name"] for manifest in missing)
            click.echo(f"create the definitions {names}\nMore can be told once they are there: kubewright crds")
            return
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            while not platform.settled:  # noqa: ASYNC110  it is settled when caches and queues are
                await asyncio.sleep(SETTLE_POLL_SECONDS)
            running.cancel()
    finally:
        await client.close()
    lines = dict.fromkeys(_line(write) for write in recording.writes)
    click.echo("\n".join(lines) if lines else "nothing: everything is as it should be")


def _line(write: Write) -> str:
    subresource = write.options.get("subresource", "")
    return f"{write.verb} {write.resource} {write.key}{f' {subresource}' if subresource else ''}"


async def _serve(platform: Platform, elector: LeaderElector | None, health: HealthApp, address: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve_asgi(health, _listener(address)))
        if elector is None:
            await platform.run()
            return
        try:
            await elector.run(platform.run)
        except LeadershipLostError as error:
            # The process must end, so that it comes back as a replica that waits.
            raise OpError("up", ErrorKind.CONFLICT, f"Lease/{LEASE}", f"no longer the leader: {error}") from error


def _listener(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise OpError("up", ErrorKind.INVALID, address, "an address is HOST:PORT, such as 127.0.0.1:8080")
    return listen(host, int(port))


def _identity() -> str:
    """Name this replica: the pod's name in a cluster, else host and process."""
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}_{os.getpid()}"
