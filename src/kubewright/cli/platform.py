"""The platform as `kubewright up` runs it, or rehearses it."""

from __future__ import annotations

import asyncio
import os
import socket

import click
from prometheus_client import CollectorRegistry

from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform, missing_definitions
from kubewright.client.config import ConnectionConfig
from kubewright.client.connect import connect
from kubewright.client.http import HttpTransport
from kubewright.client.recording import Mode, RecordingClient, Write
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.health import HealthApp
from kubewright.runtime.leader import LeaderElector, LeadershipLostError
from kubewright.runtime.metered import MeteredTransport
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.serving import listen, serve_asgi
from kubewright.runtime.shutdown import run_until_signalled

LEASE = "kubewright"
SETTLE_POLL_SECONDS = 0.1


async def keep_up(
    config: ConnectionConfig, lease_namespace: str | None, address: str, choices: Choices | None = None
) -> None:
    """Run until told to end; with a lease namespace, only while leading."""
    clock = Clock.wall()
    registry = CollectorRegistry()
    metrics = RuntimeMetrics(registry)
    client = RestClient(MeteredTransport(HttpTransport(config), metrics, config.server))
    try:
        await client.raw("GET", "/version")  # says at once, and in one line, what is wrong with the connection
        platform = Platform(client, clock, metrics=metrics, registry=registry, choices=choices)
        health = HealthApp(registry, {"caches": lambda: platform.ready})
        elector = _elector(client, clock, lease_namespace, metrics, _lease(choices))
        click.echo(f"kubewright is up against {config.server}; health and metrics on http://{address}")
        await run_until_signalled(_serve(platform, elector, health, address))
    finally:
        await client.close()


async def rehearse(config: ConnectionConfig) -> None:
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


def _lease(choices: Choices | None) -> str:
    """Name the Lease: each service that runs alone has one of its own."""
    return LEASE if choices is None else "-".join((LEASE, *choices.services))


def _elector(
    client: RestClient, clock: Clock, namespace: str | None, metrics: RuntimeMetrics, name: str
) -> LeaderElector | None:
    if namespace is None:
        return None
    return LeaderElector(client, clock, ObjectKey(namespace, name), _identity(), metrics=metrics)


def _listener(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise OpError("up", ErrorKind.INVALID, address, "an address is HOST:PORT, such as 127.0.0.1:8080")
    return listen(host, int(port))


def _identity() -> str:
    """Name this replica: the pod's name in a cluster, else host and process."""
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}_{os.getpid()}"
