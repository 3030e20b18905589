"""What `kubewright dashboard` runs: the service for one person, and the link that is theirs; beside a twin, too."""

from __future__ import annotations

import asyncio
import secrets
import socket
import webbrowser
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import click

from kubewright.app import Choices
from kubewright.cli.connection import connected
from kubewright.cli.measurements import measured_by
from kubewright.cli.platform import keep_up
from kubewright.cli.terminal import say
from kubewright.client.config import Anonymous, ConnectionConfig, Oidc, Token
from kubewright.client.connect import connect
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.dashboard.app import NOT_BUILT, STATIC
from kubewright.dashboard.service import Dashboard
from kubewright.dashboard.serving import Serving
from kubewright.runtime.process import listener
from kubewright.runtime.serving import KeyFiles, listen
from kubewright.runtime.shutdown import run_until_signalled
from kubewright.series.protocol import MetricSource

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    address: str
    prometheus: str = ""
    """A store's URL; empty for none."""
    read_only: bool = False
    opened: bool = False


def need_pages() -> None:
    """Raise ClickException where the front end is not built: before anything else begins."""
    if not (STATIC / "index.html").is_file():
        raise click.ClickException(NOT_BUILT)


async def show(config: ConnectionConfig, asked: Asked) -> None:
    """Serve until told to end; raises OpError when the cluster or the address cannot be had."""
    need_pages()
    async with connected(config) as client, measured_by(asked.prometheus) as source:
        await client.raw("GET", "/version")
        person = OnePerson(config.server, partial(as_person, config), source, read_only=asked.read_only)
        page, link = for_one(client, listener(asked.address), person)
        say(f"{config.server} in a browser: {link}")
        if asked.opened:
            webbrowser.open(link)
        await run_until_signalled(page.run())


@dataclass(frozen=True, slots=True)
class OnePerson:
    """What is shown to the one person whose dashboard it is."""

    cluster: str
    """What it is called on the screen."""
    connect_as: Callable[[str], Client] | None = None
    """Makes a client of somebody else's token; None: no tokens are taken."""
    source: MetricSource | None = None
    read_only: bool = False


def for_one(client: Client, at: socket.socket, person: OnePerson) -> tuple[Dashboard, str]:
    """Return a dashboard on a socket, and the link that lets its one owner act as `client`."""
    key = secrets.token_urlsafe(_KEY_BYTES)
    sealed = secrets.token_bytes(_KEY_BYTES)
    serving = Serving(
        lambda: at, sealed, key, connect_as=person.connect_as, read_only=person.read_only, cluster=person.cluster
    )
    host, port = at.getsockname()[:2]
    written = f"[{host}]" if ":" in host else host
    return Dashboard(client, Clock.wall(), serving, person.source), f"http://{written}:{port}/#key={key}"


@asynccontextmanager
async def beside(client: Client, host: str, person: OnePerson) -> AsyncGenerator[str]:
    """Show a cluster of this process on a free port meanwhile; yields the link. Raises OpError for a bad host."""
    page, link = for_one(client, listen(host, 0), person)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(page.run(), name="dashboard")
        try:
            yield link
        finally:
            running.cancel()


@dataclass(frozen=True, slots=True)
class InCluster:
    """The options of `kubewright run dashboard`."""

    pages: str
    address: str
    """Of health and metrics."""
    prometheus: str = ""
    """A store's URL; empty for none."""
    session_key: bytes = b""
    """Empty: one that ends with the process."""
    tls: KeyFiles | None = None
    behind_tls: bool = False
    read_only: bool = False
    debug: bool = False
    oidc: Oidc | None = None
    scopes: str = ""


async def serve(config: ConnectionConfig, asked: InCluster) -> None:
    """Serve until told to end; raises OpError when the cluster or an address cannot be had."""
    need_pages()
    serving = Serving(
        partial(listener, asked.pages),
        asked.session_key or secrets.token_bytes(_KEY_BYTES),
        connect_as=partial(as_person, config),
        read_only=asked.read_only,
        cluster=config.server,
        tls=asked.tls,
        behind_tls=asked.behind_tls,
        oidc=asked.oidc,
        scopes=asked.scopes,
    )
    choices = Choices(services=("dashboard",), dashboard=serving)
    await keep_up(config, None, asked.address, choices, prometheus=asked.prometheus, debug=asked.debug)


def as_person(config: ConnectionConfig, token: str) -> Client:
    """Return a client of the same server with a person's token and nothing of one's own."""
    auth = Token(token) if token else Anonymous()
    return connect(replace(config, auth=auth, certificate=None, impersonation=None))
