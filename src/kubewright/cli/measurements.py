"""Where `up` and `run` get measurements: a store that speaks PromQL, by its URL."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kubewright.client.config import Anonymous, Basic, ConnectionConfig, is_url
from kubewright.errors import ErrorKind, OpError

if TYPE_CHECKING:
    from kubewright.series.protocol import MetricSource


@asynccontextmanager
async def measured_by(url: str) -> AsyncGenerator[MetricSource | None]:
    """Give the source at a URL, or None without one; user and password may stand in it."""
    if not url:
        yield None
        return
    from kubewright.client.http import HttpTransport
    from kubewright.series.prometheus import PrometheusSource

    transport = HttpTransport(_store_at(url))
    try:
        yield PrometheusSource(transport, prefix=urlsplit(url).path)
    finally:
        await transport.close()


def _store_at(url: str) -> ConnectionConfig:
    parts = urlsplit(url if is_url(url) else "")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise OpError("measure", ErrorKind.INVALID, url, "a store's address is a URL, such as http://prometheus:9090")
    auth = Basic(parts.username, parts.password or "") if parts.username else Anonymous()
    host = parts.netloc.rpartition("@")[2]
    return ConnectionConfig(f"{parts.scheme}://{host}", origin="--prometheus", auth=auth)
