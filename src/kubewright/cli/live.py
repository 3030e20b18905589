"""What commands share that explain a live cluster: reading it whole, and showing an answer in the form asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import click

from kubewright.cli.yamlform import dump
from kubewright.client.protocol import Client
from kubewright.explain.cluster import Cluster
from kubewright.explain.reading import read


async def read_cluster(client: Client) -> Cluster:
    """Read a cluster; what could not be read is told on standard error. Raises OpError."""
    cluster = await read(client)
    for each in cluster.unread:
        click.echo(f"not read, so taken for empty: {each}", err=True)
    return cluster


def show(output: str, document: Callable[[], Any], lines: Callable[[], Iterable[str]]) -> None:
    """Print an answer: as `json` or `yaml` its document, else its lines."""
    match output:
        case "json":
            click.echo(json.dumps(document(), indent=2))
        case "yaml":
            click.echo(dump(document()), nl=False)
        case _:
            for line in lines():
                click.echo(line)
