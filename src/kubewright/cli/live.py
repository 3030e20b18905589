"""What commands share that explain a live cluster: reading it whole."""

from __future__ import annotations

from kubewright.cli.terminal import say
from kubewright.client.protocol import Client
from kubewright.explain.cluster import Cluster
from kubewright.explain.reading import read


async def read_cluster(client: Client) -> Cluster:
    """Read a cluster; what could not be read is told on standard error. Raises OpError."""
    cluster = await read(client)
    for each in cluster.unread:
        say(f"not read, so taken for empty: {each}", err=True)
    return cluster
