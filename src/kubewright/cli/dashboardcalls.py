"""What `kubewright dashboard` runs: the service for one person, and the link that is theirs."""

from __future__ import annotations

import secrets
import webbrowser
from dataclasses import dataclass, replace
from functools import partial

import click

from kubewright.app import Choices
from kubewright.cli.platform import keep_up
from kubewright.cli.terminal import say
from kubewright.client.config import Anonymous, ConnectionConfig, Token
from kubewright.client.connect import connect
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.dashboard.app import NOT_BUILT, STATIC
from kubewright.dashboard.service import Dashboard
from kubewright.dashboard.serving import Serving
from kubewright.runtime.process import listener
from kubewright.runtime.serving import KeyFiles
from kubewright.runtime.shutdown import run_until_signalled

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    address: str
    read_only: bool = False
    opened: bool = False


async def show(config: ConnectionConfig, asked: Asked) -> None:
    """Serve until told to end; raises OpError when the cluster or the address cannot be had."""
    if not (STATIC / "index.html").is_file():
        raise click.ClickException(NOT_BUILT)
    client = connect(config)
    try:
        await client.raw("GET", "/version")
        key, socket = secrets.token_urlsafe(_KEY_BYTES), listener(asked.address)
        serving = Serving(
            lambda: socket,
            secrets.token_bytes(_KEY_BYTES),
            owner_key=key,
            connect_as=partial(as_person, config),
            read_only=asked.read_only,
            cluster=config.server,
        )
        host, port = socket.getsockname()[:2]
        link = f"http://{host}:{port}/#key={key}"
        say(f"{config.server} in a browser: {link}")
        if asked.opened:
            webbrowser.open(link)
        await run_until_signalled(Dashboard(client, Clock.wall(), serving).run())
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class InCluster:
    """The options of `kubewright run dashboard`."""

    pages: str
    address: str
    """Of health and metrics."""
    session_key: bytes = b""
    """Empty: one that ends with the process."""
    tls: KeyFiles | None = None
    behind_tls: bool = False
    read_only: bool = False
    debug: bool = False


async def serve(config: ConnectionConfig, asked: InCluster) -> None:
    """Serve until told to end; raises OpError when the cluster or an address cannot be had."""
    if not (STATIC / "index.html").is_file():
        raise click.ClickException(NOT_BUILT)
    serving = Serving(
        partial(listener, asked.pages),
        asked.session_key or secrets.token_bytes(_KEY_BYTES),
        connect_as=partial(as_person, config),
        read_only=asked.read_only,
        cluster=config.server,
        tls=asked.tls,
        behind_tls=asked.behind_tls,
    )
    await keep_up(config, None, asked.address, Choices(services=("dashboard",), dashboard=serving), debug=asked.debug)


def as_person(config: ConnectionConfig, token: str) -> Client:
    """Return a client of the same server with a person's token and nothing of one's own."""
    auth = Token(token) if token else Anonymous()
    return connect(replace(config, auth=auth, certificate=None, impersonation=None))
