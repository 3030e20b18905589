"""Saving a cluster to a file from the command line, with what became of it: `twin save` and `twin from-cluster`."""

from __future__ import annotations

from pathlib import Path

import click

from kubewright.client.config import ConnectionConfig
from kubewright.client.connect import connect
from kubewright.clock import Clock
from kubewright.twin.copying import Copying, Summary


async def save_cluster(config: ConnectionConfig, file: Path) -> None:
    """Save a cluster; progress and what is missing go to stderr."""
    client = connect(config)
    try:
        summary = await Copying(client, Clock.wall(), lambda line: click.echo(line, err=True)).save(file)
    finally:
        await client.close()
    _report(summary, file)


def _report(summary: Summary, file: Path) -> None:
    if summary.later:
        click.echo(f"of a later moment than the rest: {', '.join(summary.later)}", err=True)
    if summary.skipped:
        click.echo(f"incomplete: {len(summary.skipped)} resources were skipped", err=True)
    click.echo(f"{summary.objects} objects saved to {file}")
