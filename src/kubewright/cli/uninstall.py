"""`kubewright uninstall`: the platform out of a cluster, its applications left running."""

from __future__ import annotations

import asyncio

import click

from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.exits import Exit
from kubewright.cli.options import dry_run_option, timeout_option, yes_option
from kubewright.cli.terminal import say


@click.command()
@cluster_options
@click.option("-n", "--namespace", default=SYSTEM_NAMESPACE, show_default=True, help="Where the services run.")
@click.option("--purge", is_flag=True, help="The definitions, too: every AppService goes, and what was made of it.")
@timeout_option(120.0, "Seconds to wait at most for the services' pods to end.")
@dry_run_option("Say what would go, and write nothing.")
@yes_option()
def uninstall(
    *, kubeconfig: str, context: str, namespace: str, purge: bool, timeout: float, dry_run: bool, yes: bool
) -> int:
    """Take the platform out of a cluster; applications run on, and AppServices, Teams and all others stay.

    Nothing is held by the platform any more afterwards: what is deleted then goes at once. What is cut off, the same
    call goes on with. Where nothing is installed it says so, and that is as good as done: exit code 0.
    """

    async def run() -> int:
        from kubewright.install.removing import found, held, remove

        async with connected(connection(kubeconfig, context)) as client:
            changes, holding = await found(client, namespace, purge=purge), await held(client)
            if not changes and not holding:
                say(f"nothing is installed in {namespace}", err=True)
                return Exit.OK
            if dry_run:
                for each in changes:
                    say(each.told(dry_run=True))
                say(f"{holding} objects would be held no more", err=True)
                return Exit.OK
            if not yes:
                click.confirm(_question(namespace, len(changes), holding, purge=purge), abort=True, err=True)
            free = await remove(client, namespace, changes, timeout)
            for each in changes:
                say(each.told())
            say(f"{free} objects are held no more", err=True)
            return Exit.OK

    return asyncio.run(run())


def _question(namespace: str, going: int, holding: int, *, purge: bool) -> str:
    if not going:
        return f"Nothing is installed in {namespace}, but {holding} objects are held: let go of them?"
    what = " with every object of its kinds, applications included" if purge else "; applications run on"
    return f"Remove {going} objects from {namespace}{what}?"
