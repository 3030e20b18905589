"""The options that choose a cluster, the same for every command that talks to one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from kubewright.client.config import ConnectionConfig
    from kubewright.client.protocol import Client

F = TypeVar("F", bound=Callable[..., Any])


def cluster_options(command: F) -> F:
    """Add --kubeconfig and --context."""
    context = click.option(
        "--context", default="", shell_complete=_complete_context, help="The kubeconfig's current one by default."
    )
    kubeconfig = click.option("--kubeconfig", default="", help="KUBECONFIG or ~/.kube/config by default.")
    return kubeconfig(context(command))


def _complete_context(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from kubewright.client.kubeconfig import contexts
    from kubewright.errors import OpError

    try:
        names = contexts(context.params.get("kubeconfig") or None)
    except OpError:
        return []  # a shell that completes is no place for messages
    return [name for name in names if name.startswith(incomplete)]


def connection(kubeconfig: str, context: str) -> ConnectionConfig:
    """Return the connection that the options, the environment or the pod's service account name."""
    from kubewright.client.kubeconfig import load

    return load(kubeconfig or None, context=context)


@asynccontextmanager
async def connected(config: ConnectionConfig) -> AsyncGenerator[Client]:
    """Have a client for a while."""
    from kubewright.client.connect import connect

    client = connect(config)
    try:
        yield client
    finally:
        await client.close()
