"""Saving a cluster to a file from the command line, with what became of it: `twin save` and `twin from-cluster`."""

from __future__ import annotations

from pathlib import Path

from kubewright.cli.connection import connected
from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig
from kubewright.clock import Clock
from kubewright.twin.copying import Copying, Summary


async def save_cluster(config: ConnectionConfig, file: Path) -> None:
    """Save a cluster; progress and what is missing go to stderr."""
    async with connected(config) as client:
        summary = await Copying(client, Clock.wall(), lambda line: say(line, err=True)).save(file)
    _report(summary, file)


def _report(summary: Summary, file: Path) -> None:
    if summary.later:
        say(f"of a later moment than the rest: {', '.join(summary.later)}", err=True)
    if summary.skipped:
        say(f"incomplete: {len(summary.skipped)} resources were skipped", err=True)
    say(f"{summary.objects} objects saved to {file}")
