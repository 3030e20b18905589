"""`kubewright incidents`: what is wrong, why, what is done about it, and whether that helped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubewright.cli.connection import cluster_options, connection

F = TypeVar("F", bound=Callable[..., Any])
_FORMS = ("table", "wide", "json", "yaml")


def _named(command: F) -> F:
    """Add which incident is meant."""
    namespace = click.option(
        "-n", "--namespace", default="", help="Of several of that name; by default it is looked for."
    )
    return click.argument("name")(namespace(cluster_options(command)))


@click.group()
def incidents() -> None:
    """Show what is wrong and what the healer does about it; let it act, or stop it."""


@incidents.command()
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def causes(output: str) -> None:
    """List every cause that is known, and what is done about it, in the order in which it is tried."""
    from kubewright.cli.causetable import show_causes

    show_causes(output)


@incidents.command("list")
@click.option("-n", "--namespace", default="", help="The context's by default.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all; what is wrong with nodes is in kubewright-system.")
@click.option("--all", "everything", is_flag=True, help="Those that are over as well.")
@click.option("-w", "--watch", is_flag=True, help="Go on, and print each that comes on.")
@click.option("-o", "--output", type=click.Choice(_FORMS), default="table", show_default=True, help="The form.")
@cluster_options
def list_(
    *,
    namespace: str,
    all_namespaces: bool,
    everything: bool,
    watch: bool,
    output: str,
    kubeconfig: str,
    context: str,
) -> None:
    """List incidents, the newest last."""
    from kubewright.cli.incidentcalls import show_list

    config = connection(kubeconfig, context)
    place = "" if all_namespaces else namespace or config.namespace
    asyncio.run(show_list(config, place, output, everything=everything, watch=watch))


@incidents.command()
@_named
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
def describe(*, name: str, namespace: str, output: str, kubeconfig: str, context: str) -> None:
    """Tell an incident from the fault to the proof: signals, cause, rehearsal, actions, verification."""
    from kubewright.cli.incidentcalls import show_one

    asyncio.run(show_one(connection(kubeconfig, context), namespace, name, output))


@incidents.command()
@_named
def timeline(*, name: str, namespace: str, kubeconfig: str, context: str) -> None:
    """List what happened when, in seconds from the fault."""
    from kubewright.cli.incidentcalls import show_timeline

    asyncio.run(show_timeline(connection(kubeconfig, context), namespace, name))


@incidents.command()
@_named
@click.option("--by", default="", help="Who; the user of this machine by default.")
def approve(*, name: str, namespace: str, by: str, kubeconfig: str, context: str) -> None:
    """Let the healer do what it proposes."""
    from kubewright.cli.incidentcalls import approve as call

    asyncio.run(call(connection(kubeconfig, context), namespace, name, by))


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
