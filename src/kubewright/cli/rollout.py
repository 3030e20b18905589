"""`kubewright rollout`: how an application's release stands, and what people tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.exits import Exit
from kubewright.cli.names import complete
from kubewright.cli.options import (
    FOR_PEOPLE,
    all_namespaces_option,
    dry_run_option,
    namespace_option,
    output_option,
    selector_option,
    timeout_option,
    wait_option,
    watch_option,
)

F = TypeVar("F", bound=Callable[..., Any])


def _application(command: F) -> F:
    """Add which application is meant."""
    return click.argument("app", shell_complete=complete("appservices"))(_place(command))


def _place(command: F) -> F:
    return namespace_option()(cluster_options(command))


_waiting = wait_option("Until the release is good, or was rolled back (exit code 3); also 3 when that takes too long.")


@click.group()
def rollout() -> None:
    """Show and steer the rollout of an AppService."""


@rollout.command()
@click.argument("app", default="", shell_complete=complete("appservices"))
@_place
@all_namespaces_option()
@selector_option()
@output_option()
@watch_option("Of one application: go on until the release is good, or was rolled back (exit code 3).")
@timeout_option(0.0, "Seconds to watch at most; 0 is no limit. Exit code 3 when they are over.")
def status(
    *,
    app: str,
    namespace: str,
    all_namespaces: bool,
    selector: str,
    output: str,
    watch: bool,
    timeout: float,
    kubeconfig: str,
    context: str,
) -> int:
    """Say how the release of an application stands, or without a name those of all, each in a line."""
    from kubewright.cli.rolloutcalls import show_status, show_statuses

    config = connection(kubeconfig, context)
    if app and (all_namespaces or selector):
        raise click.UsageError("-A and -l are of a list: name no application")
    if watch and (not app or output not in FOR_PEOPLE):
        raise click.UsageError("--watch follows one application: name it, with -o table")
    if app and output in FOR_PEOPLE:
        return asyncio.run(show_status(config, namespace, app, watch=watch, timeout_seconds=timeout))
    place = "" if all_namespaces else namespace or config.namespace
    asyncio.run(show_statuses(config, place, app, selector, output))
    return Exit.OK


@rollout.command()
@_application
@output_option()
def history(*, app: str, namespace: str, output: str, kubeconfig: str, context: str) -> None:
    """List the revisions that are kept, and which of them run."""
    from kubewright.cli.rolloutcalls import show_history

    asyncio.run(show_history(connection(kubeconfig, context), namespace, app, output))


@rollout.command()
@_application
@click.option("--to-revision", type=click.IntRange(min=1), help="One of `history`; the one before by default.")
@dry_run_option()
@_waiting
def undo(
    *,
    app: str,
    namespace: str,
    kubeconfig: str,
    context: str,
    to_revision: int | None,
    dry_run: bool,
    wait: bool,
    timeout: float,
) -> int:
    """Run an earlier revision again; `rollout.undo: 0` in the spec runs the spec again."""
    from kubewright.cli.rolloutcalls import undo as call

    seconds = timeout if wait and not dry_run else None
    return asyncio.run(
        call(connection(kubeconfig, context), namespace, app, to_revision, seconds=seconds, dry_run=dry_run)
    )


def _order(name: str, text: str, *, ends: bool) -> None:
    def command(
        *,
        app: str,
        namespace: str,
        kubeconfig: str,
        context: str,
        dry_run: bool,
        wait: bool = False,
        timeout: float = 0.0,
    ) -> int:
        from kubewright.cli.rolloutcalls import order

        seconds = timeout if wait and not dry_run else None
        return asyncio.run(
            order(connection(kubeconfig, context), namespace, app, name, seconds=seconds, dry_run=dry_run)
        )

    rollout.command(name, help=text)(_application(dry_run_option()(_waiting(command) if ends else command)))


for _name, _text in {
    "pause": "Stay at the present step. A release that fails is rolled back all the same.",
    "resume": "Go on.",
    "promote": "Skip the steps that are left, or answer a rollout that waits for it.",
    "abort": "Go back to the last good release.",
    "retry": "Try a release again that was rolled back.",
}.items():
    _order(_name, _text, ends=_name != "pause")
