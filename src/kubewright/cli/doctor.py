"""`kubewright doctor`: whether a cluster is fit for kubewright, before it is installed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.options import output_option

if TYPE_CHECKING:
    from kubewright.client.config import ConnectionConfig
    from kubewright.overview.doctor import Check


@click.command()
@output_option()
@cluster_options
def doctor(*, output: str, kubeconfig: str, context: str) -> int:
    """Check a cluster before installation: version, permissions, definitions, metrics, webhooks, GPUs, security.

    It only reads. Exit code 0: all is fit, or only worth a look; 3: something is in the way; 1: it could not be told;
    2: not understood.
    """
    from kubewright.cli.columns import Table
    from kubewright.cli.exits import Exit
    from kubewright.cli.printing import show_table
    from kubewright.cli.statuscalls import WORDS
    from kubewright.overview.decide import Level

    checks = asyncio.run(_examine(connection(kubeconfig, context)))
    rows = [(WORDS[each.level], each.name, each.said) for each in checks]
    todo = [f"  {each.name}: {each.todo}" for each in checks if each.todo]
    notes = ["", "To do:", *todo] if todo else ["", "Fit."]
    table = Table(("STATE", "CHECK", "FOUND"), rows, names=[each.name for each in checks], notes=notes)
    documents = [
        {"name": each.name, "state": WORDS[each.level], "said": each.said, "todo": each.todo} for each in checks
    ]
    show_table(output, table, lambda: {"checks": documents})
    if any(each.level is Level.BAD for each in checks):
        return Exit.UNWELL
    return Exit.FAILED if any(each.level is Level.UNKNOWN for each in checks) else Exit.OK


async def _examine(config: ConnectionConfig) -> list[Check]:
    from kubewright.api.crds import all_crds
    from kubewright.overview.doctor import RIGHTS, examined
    from kubewright.overview.evidence import gather

    async with connected(config) as client:
        return examined(await gather(client, RIGHTS), all_crds())
