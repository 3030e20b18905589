"""`kubewright team`: teams come, are shown, let somebody in for a while, and go."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.names import complete
from kubewright.cli.options import TOLD, dry_run_option, output_option, selector_option, timeout_option

_OUTPUT = output_option()


@click.group()
def team() -> None:
    """Teams of a shared cluster (`kubewright run tenancy` keeps them)."""


@team.command()
@click.argument("name", default="")
@click.option("-f", "--filename", default="", help="A manifest to begin with; options come on top of it.")
@click.option("--members", multiple=True, help="ann=admin, group:devs=editor, sa:NAMESPACE/NAME=viewer; repeatable.")
@click.option("--env", "environments", multiple=True, help="prod, or prod=NAMESPACE,NAMESPACE; repeatable.")
@click.option(
    "--quota", multiple=True, help="prod:requests.cpu=40, of each namespace of prod, or of a namespace; repeatable."
)
@click.option("--parent", default="", help="The team that it is part of.")
@dry_run_option("Print the manifest and let the server check it; write nothing.")
@timeout_option(60.0)
@cluster_options
def create(
    *, kubeconfig: str, context: str, name: str, filename: str, dry_run: bool, timeout: float, **said: Any
) -> int:
    """Onboard a team, and wait until everything is there."""
    from kubewright.cli.teamcalls import create as call
    from kubewright.cli.teammanifest import manifest

    asked = manifest(name, filename, said)
    return asyncio.run(call(connection(kubeconfig, context), asked, dry_run=dry_run, timeout_seconds=timeout))


@team.command(name="list")
@selector_option()
@_OUTPUT
@cluster_options
def list_(*, selector: str, output: str, kubeconfig: str, context: str) -> None:
    """List the teams that you may see: all, or your own."""
    from kubewright.cli.teamcalls import show_teams

    asyncio.run(show_teams(connection(kubeconfig, context), None, output, selector))


@team.command()
@click.argument("name", shell_complete=complete("teams"))
@_OUTPUT
@cluster_options
def get(*, name: str, output: str, kubeconfig: str, context: str) -> None:
    """Show one team."""
    from kubewright.cli.teamcalls import show_teams

    asyncio.run(show_teams(connection(kubeconfig, context), name, output))


@team.command()
@click.argument("name", shell_complete=complete("teams"))
@output_option(TOLD)
@cluster_options
def describe(*, name: str, output: str, kubeconfig: str, context: str) -> None:
    """Tell everything of a team."""
    from kubewright.cli.teamcalls import describe as call

    asyncio.run(call(connection(kubeconfig, context), name, output))


@team.command()
@_OUTPUT
@cluster_options
def namespaces(*, output: str, kubeconfig: str, context: str) -> None:
    """List the namespaces that you may see, without the right to list all."""
    from kubewright.cli.teamcalls import show_namespaces

    asyncio.run(show_namespaces(connection(kubeconfig, context), output))


@team.command()
@click.argument("name", shell_complete=complete("teams"))
@click.option(
    "--confirm", "--yes", "-y", is_flag=True, help="Do it; without this the plan is shown, and nothing is written."
)
@dry_run_option("As without --confirm: show the plan, and write nothing.")
@click.option("--keep-namespaces", is_flag=True, help="Leave its namespaces with what is in them, without the team.")
@timeout_option(120.0)
@cluster_options
def offboard(
    *,
    name: str,
    confirm: bool,
    dry_run: bool,
    keep_namespaces: bool,
    timeout: float,
    kubeconfig: str,
    context: str,
) -> int:
    """Say what would be lost with a team; with --confirm, take it away."""
    from kubewright.cli.teamcalls import offboard as call

    if confirm and dry_run:
        raise click.UsageError("--confirm and --dry-run do not go together")
    config = connection(kubeconfig, context)
    return asyncio.run(call(config, name, confirm=confirm, keep=keep_namespaces, timeout_seconds=timeout))


@team.command(name="break-glass")
@click.argument("name", shell_complete=complete("teams"))
@click.option("--user", required=True, help="Who, as the cluster authenticates them.")
@click.option("--for", "span", default="30m", show_default=True, help="How long: 30m, 2h; a day at most.")
@click.option("--reason", default="", help="Why; it is written down.")
@click.option("--end", is_flag=True, help="Let them in no longer.")
@cluster_options
def break_glass(*, name: str, user: str, span: str, reason: str, end: bool, kubeconfig: str, context: str) -> None:
    """Let somebody act in a team's namespaces, as an editor, for a while."""
    from kubewright.cli.teamcalls import break_glass as call
    from kubewright.costs.windows import parse_duration
    from kubewright.tenancy.breakglass import LONGEST_SECONDS

    if not end and not reason.strip():
        raise click.UsageError("say why: --reason")
    try:
        seconds = 0 if end else parse_duration(span)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from error
    if seconds > LONGEST_SECONDS:
        raise click.BadParameter("a day at most", param_hint="--for")
    asyncio.run(call(connection(kubeconfig, context), name, user, seconds, reason))
