"""A twin on a socket, empty or loaded at its beginning, dropped or saved at its end; and simulated nodes elsewhere.

`twin serve`, `twin from-cluster --serve` and `twin nodes` run it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict

from kubewright.cli.connection import connected
from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig
from kubewright.client.kubeconfig import load as load_kubeconfig
from kubewright.clock import Clock, run_fast, run_wall
from kubewright.runtime.heap import keep_many_objects
from kubewright.runtime.shutdown import run_until_signalled
from kubewright.twin.certificates import Authority
from kubewright.twin.cluster import SimulatedNodes, Twin
from kubewright.twin.copying import Copying
from kubewright.twin.loading import Loaded
from kubewright.twin.loading import load as load_file
from kubewright.twin.nodes import NodeShape
from kubewright.twin.serve import serving
from kubewright.twin.webhooks.http import HttpWebhooks
from kubewright.twin.webhooks.questions import WebhookTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What to serve and where; `nodes` come on top of loaded ones."""

    kubeconfig: Path
    nodes: int
    seed: int
    host: str
    port: int
    load: Path | None
    save_to: Path | None
    token_file: Path | None = None
    gateway_api: bool = False
    dashboard: bool = False
    gpus: int = 0
    node_pools: bool = False


class _Parts(TypedDict):
    seed: int
    shape: NodeShape
    authority: Authority
    webhooks: WebhookTransport
    gateway_api: bool


def serve(options: Serving, speed: float) -> None:
    """Serve until told to end, with time that passes `speed` times as fast, and save then if that is wanted."""
    if options.dashboard:
        from kubewright.cli.dashboardcalls import need_pages

        need_pages()
    keep_many_objects()
    main = _until_signalled(options)
    if speed == 1:
        run_wall(main)
    else:
        run_fast(main, speed)


async def _until_signalled(options: Serving) -> None:
    await run_until_signalled(_serve(options))


async def _serve(options: Serving) -> None:
    clock = Clock.wall()
    authority = Authority(clock.now())
    async with (
        _twin(options, clock, authority) as cluster,
        _saved_at_the_end(cluster, options.save_to),
        _with_node_pools(cluster, wanted=options.node_pools),
        serving(
            cluster.server,
            options.kubeconfig,
            options.host,
            options.port,
            authority=authority,
            token_file=options.token_file,
        ) as endpoint,
    ):
        count = len(cluster.nodes.names)
        say(f"{count} nodes on {endpoint.url}; export KUBECONFIG={options.kubeconfig}")
        async with _shown(cluster, options, endpoint.url):
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _shown(cluster: Twin, options: Serving, url: str) -> AsyncGenerator[None]:
    """Show the cluster in a browser meanwhile, if that is wanted; others sign in with tokens of it."""
    if not options.dashboard:
        yield
        return
    from kubewright.cli.dashboardcalls import OnePerson, as_person, beside

    config = load_kubeconfig(options.kubeconfig)
    person = OnePerson(url, partial(as_person, config), cluster.exporters.measurements)
    async with beside(cluster.client(), options.host, person) as link:
        say(f"{url} in a browser: {link}")
        yield


def _twin(options: Serving, clock: Clock, authority: Authority) -> Twin:
    parts: _Parts = {
        "seed": options.seed,
        "shape": NodeShape(gpus=options.gpus),
        "authority": authority,
        "webhooks": HttpWebhooks(),
        "gateway_api": options.gateway_api,
    }
    if options.load is None:
        return Twin(clock, nodes=options.nodes, **parts)
    loaded = load_file(options.load)
    _tell_losses(loaded)
    return Twin.loaded(clock, loaded.store, nodes=options.nodes, **parts)


def _tell_losses(loaded: Loaded) -> None:
    for kind, count in sorted(loaded.left_out.items()):
        say(f"{kind}: {count} left out, the twin does not serve them", err=True)
    for name in loaded.unconverted:
        say(f"{name}: its conversion webhook is not called, its versions differ by name only", err=True)


@contextlib.asynccontextmanager
async def _with_node_pools(cluster: Twin, *, wanted: bool) -> AsyncGenerator[None]:
    """Keep the cluster's NodePools meanwhile, with machines that the twin simulates."""
    if not wanted:
        yield
        return
    from kubewright.app import Choices, Platform
    from kubewright.nodepools.simulated import SimulatedProvider

    provider, choices = SimulatedProvider(cluster), Choices(services=("nodes",))
    platform = Platform(cluster.client(), cluster.clock, choices=choices, nodes_from=provider)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(platform.run(), name="node pools")
        try:
            yield
        finally:
            running.cancel()


@contextlib.asynccontextmanager
async def _saved_at_the_end(cluster: Twin, path: Path | None) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        # Nobody is served any more, but the cluster still runs: a copy that fails leaves a file of before as it was.
        if path is not None:
            summary = await Copying(cluster.client(), cluster.clock, _silently).save(path)
            say(f"{summary.objects} objects saved to {path}", err=True)


def _silently(_line: str) -> None:
    pass


async def run_nodes(config: ConnectionConfig, count: int, seed: int) -> None:
    """Run simulated nodes on any cluster until told to end."""
    async with connected(config) as client:
        await client.raw("GET", "/version")
        say(f"{count} simulated nodes on {config.server}")
        await run_until_signalled(SimulatedNodes(client, Clock.wall(), nodes=count, seed=seed).run())
