"""`kubewright rollout`: how an application's release stands, and what people tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.names import complete
from kubewright.cli.options import namespace_option, timeout_option, watch_option

F = TypeVar("F", bound=Callable[..., Any])


def _application(command: F) -> F:
    """Add which application is meant."""
    return click.argument("app", shell_complete=complete("appservices"))(namespace_option()(cluster_options(command)))


@click.group()
def rollout() -> None:
    """Show and steer the rollout of an AppService."""


@rollout.command()
@_application
@watch_option("Go on until the release is good, or was rolled back (exit code 3).")
@timeout_option(0.0, "Seconds to watch at most; 0 is no limit.")
def status(*, app: str, namespace: str, kubeconfig: str, context: str, watch: bool, timeout: float) -> int:
    """Say how the release stands."""
    from kubewright.cli.rolloutcalls import show_status

    config = connection(kubeconfig, context)
    return asyncio.run(show_status(config, namespace, app, watch=watch, timeout_seconds=timeout))


@rollout.command()
@_application
def history(*, app: str, namespace: str, kubeconfig: str, context: str) -> None:
    """List the revisions that are kept, and which of them run."""
    from kubewright.cli.rolloutcalls import show_history

    asyncio.run(show_history(connection(kubeconfig, context), namespace, app))


@rollout.command()
@_application
@click.option("--to-revision", type=click.IntRange(min=1), help="One of `history`; the one before by default.")
def undo(*, app: str, namespace: str, kubeconfig: str, context: str, to_revision: int | None) -> None:
    """Run an earlier revision again; `rollout.undo: 0` in the spec runs the spec again."""
    from kubewright.cli.rolloutcalls import undo as call

    asyncio.run(call(connection(kubeconfig, context), namespace, app, to_revision))


def _order(name: str, text: str) -> None:
    def command(*, app: str, namespace: str, kubeconfig: str, context: str) -> None:
        from kubewright.cli.rolloutcalls import order

        asyncio.run(order(connection(kubeconfig, context), namespace, app, name))

    rollout.command(name, help=text)(_application(command))


for _name, _text in {
    "pause": "Stay at the present step. A release that fails is rolled back all the same.",
    "resume": "Go on.",
    "promote": "Skip the steps that are left, or answer a rollout that waits for it.",
    "abort": "Go back to the last good release.",
    "retry": "Try a release again that was rolled back.",
}.items():
    _order(_name, _text)
