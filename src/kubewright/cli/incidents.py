"""`kubewright incidents`: what is wrong, why, what is done about it, and whether that helped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.names import complete
from kubewright.cli.options import (
    FOR_PEOPLE,
    TOLD,
    all_namespaces_option,
    dry_run_option,
    namespace_option,
    output_option,
    selector_option,
    watch_option,
)

F = TypeVar("F", bound=Callable[..., Any])


def _named(command: F) -> F:
    """Add which incident is meant."""
    namespace = namespace_option("Of several of that name; by default it is looked for.")
    return click.argument("name", shell_complete=complete("incidents", everywhere=True))(
        namespace(cluster_options(command))
    )


@click.group()
def incidents() -> None:
    """Show what is wrong and what the healer does about it; let it act, or stop it."""


@incidents.command()
@output_option()
def causes(output: str) -> None:
    """List every cause that is known, and what is done about it, in the order in which it is tried."""
    from kubewright.cli.causetable import show_causes

    show_causes(output)


@incidents.command("list")
@namespace_option()
@all_namespaces_option("Of all; what is wrong with nodes is in kubewright-system.")
@selector_option()
@click.option("--all", "everything", is_flag=True, help="Those that are over as well.")
@watch_option("Go on, and print each that comes on; a table alone.")
@output_option()
@cluster_options
def list_(
    *,
    namespace: str,
    all_namespaces: bool,
    selector: str,
    everything: bool,
    watch: bool,
    output: str,
    kubeconfig: str,
    context: str,
) -> None:
    """List incidents, the newest last."""
    from kubewright.cli.incidentcalls import Asked, show_list

    if watch and output not in FOR_PEOPLE:
        raise click.UsageError("--watch goes on below a table: with -o table or wide")
    config = connection(kubeconfig, context)
    place = "" if all_namespaces else namespace or config.namespace
    asyncio.run(show_list(config, Asked(place, selector, output, everything=everything, watch=watch)))


@incidents.command()
@_named
@output_option(TOLD)
def describe(*, name: str, namespace: str, output: str, kubeconfig: str, context: str) -> None:
    """Tell an incident from the fault to the proof: signals, cause, rehearsal, actions, verification."""
    from kubewright.cli.incidentcalls import show_one

    asyncio.run(show_one(connection(kubeconfig, context), namespace, name, output))


@incidents.command()
@_named
@output_option()
def timeline(*, name: str, namespace: str, output: str, kubeconfig: str, context: str) -> None:
    """List what happened when, in seconds from the fault."""
    from kubewright.cli.incidentcalls import show_timeline

    asyncio.run(show_timeline(connection(kubeconfig, context), namespace, name, output))


@incidents.command()
@_named
@click.option("--by", default="", help="Who; the user of this machine by default.")
@click.option("--plan", default="", help="Only this plan, as `describe` names it; by default what is proposed now.")
@dry_run_option("Say what would be approved; the server checks it, nothing is written.")
def approve(*, name: str, namespace: str, by: str, plan: str, dry_run: bool, kubeconfig: str, context: str) -> None:
    """Let the healer do what it proposes: this plan alone, and not what it may propose after it."""
    from kubewright.cli.incidentcalls import approve as call

    asyncio.run(call(connection(kubeconfig, context), namespace, name, by, plan, dry_run=dry_run))


@incidents.command()
@_named
@click.option("--reason", required=True, help="Why.")
def pause(*, name: str, namespace: str, reason: str, kubeconfig: str, context: str) -> None:
    """Have the healer do nothing more about an incident."""
    from kubewright.cli.incidentcalls import pause as call

    asyncio.run(call(connection(kubeconfig, context), namespace, name, reason))


@incidents.command()
@_named
def resume(*, name: str, namespace: str, kubeconfig: str, context: str) -> None:
    """Let the healer go on with an incident that was paused."""
    from kubewright.cli.incidentcalls import pause as call

    asyncio.run(call(connection(kubeconfig, context), namespace, name, None))
