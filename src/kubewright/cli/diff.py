"""`kubewright diff`: what applying AppServices would change in a cluster, as its server says."""

from __future__ import annotations

import asyncio
import sys

import click

from kubewright.cli.connection import cluster_options, connection

_ADDED, _REMOVED, _PLACE = "green", "red", "cyan"


@click.command()
@cluster_options
@click.option("-f", "--filename", "paths", multiple=True, required=True, help="A file, a folder, or - ; repeatable.")
@click.option("-n", "--namespace", default="", help="Of AppServices that name none; the context's by default.")
@click.option("--color/--no-color", default=None, help="By default where standard output is a terminal.")
def diff(kubeconfig: str, context: str, paths: tuple[str, ...], namespace: str, *, color: bool | None) -> int:
    """Show what applying AppServices would change, in them and in everything that is made of them.

    The server itself is asked, by dry runs. Exit code 0: nothing would change; 1: something would; 2: no telling.
    """
    from kubewright.cli.differences import differences
    from kubewright.cli.documents import is_app_service, read
    from kubewright.cli.main import op_error
    from kubewright.client.connect import connect

    async def ask() -> list[str]:
        config = connection(kubeconfig, context)
        client = connect(config)
        try:
            documents = [each for each in read(paths) if is_app_service(each)]
            return [
                line for each in documents for line in await differences(client, each, namespace or config.namespace)
            ]
        finally:
            await client.close()

    try:
        lines = asyncio.run(ask())
    except Exception as error:
        failure = op_error(error)
        if failure is None:
            raise
        click.echo(f"kubewright: {failure}", err=True)
        return 2
    coloured = sys.stdout.isatty() if color is None else color
    for line in lines:
        click.echo(_coloured(line) if coloured else line, color=coloured)
    return 1 if lines else 0


def _coloured(line: str) -> str:
    if line.startswith(("+++", "---")):
        return click.style(line, bold=True)
    colours = {"+": _ADDED, "-": _REMOVED, "@": _PLACE}
    return click.style(line, fg=colours[line[0]]) if line[:1] in colours else line
