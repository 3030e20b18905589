"""The platform as `kubewright up` runs it, or rehearses it."""

from __future__ import annotations

import asyncio

from kubewright.api.coordination import lease_name
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.cli.connection import connected
from kubewright.cli.measurements import measured_by
from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig
from kubewright.client.http import HttpTransport
from kubewright.client.recording import Mode, RecordingClient, Write
from kubewright.clock import Clock
from kubewright.runtime.definitions import missing
from kubewright.runtime.process import Given, Process, Work
from kubewright.signals.reach import SocketReach
from kubewright.signals.shown import SocketShown

SETTLE_POLL_SECONDS = 0.1


async def keep_up(
    config: ConnectionConfig,
    lease_namespace: str | None,
    address: str,
    choices: Choices,
    *,
    prometheus: str = "",
    debug: bool = False,
) -> None:
    """Run until told to end; with a lease namespace, only while leading. `prometheus` is a store's URL."""
    lease = None if lease_namespace is None else ObjectKey(lease_namespace, lease_name(choices.services))
    process = Process(config.server, HttpTransport(config), address, lease, debug)

    async with measured_by(prometheus) as source:

        def make(given: Given) -> Work:
            platform = Platform(
                given.client,
                given.clock,
                metrics=given.metrics,
                registry=given.registry,
                choices=choices,
                source=source,
                reach=SocketReach(),
                shown=SocketShown(),
            )
            return Work(platform.run, lambda: platform.ready)

        await process.keep_up(
            make, lambda at: say(f"kubewright is up against {config.server}; health and metrics on http://{at}")
        )


async def rehearse(config: ConnectionConfig, choices: Choices, *, prometheus: str = "") -> None:
    """Let the platform decide, and the server check, what it would write now. `prometheus` is a store's URL."""
    async with connected(config) as client, measured_by(prometheus) as source:
        recording = RecordingClient(client, Mode.DRY_RUN)
        platform = Platform(recording, Clock.wall(), choices=choices, source=source)
        if lacking := await missing(client, platform.definitions):
            names = ", ".join(manifest["metadata"]["name"] for manifest in lacking)
            say(f"create the definitions {names}\nMore can be told once they are there: kubewright crds")
            return
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            while not platform.settled:  # noqa: ASYNC110  it is settled when caches and queues are
                await asyncio.sleep(SETTLE_POLL_SECONDS)
            running.cancel()
    lines = dict.fromkeys(_line(write) for write in recording.writes)
    say("\n".join(lines) if lines else "nothing: everything is as it should be")


def _line(write: Write) -> str:
    subresource = write.options.get("subresource", "")
    return f"{write.verb} {write.resource} {write.key}{f' {subresource}' if subresource else ''}"
