"""Measurements from `metrics.k8s.io`, which clusters have that keep no history: cpu and memory, as they are now."""

from __future__ import annotations

from typing import Any

import msgspec

from kubewright.api.meta import parse_time
from kubewright.api.quantity import parse_quantity
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.series.protocol import (
    CONTAINER,
    NAMESPACE,
    POD,
    Missing,
    PodQuery,
    Query,
    Sample,
    Series,
    Signal,
    Span,
    Vector,
    Why,
)

STALE_SECONDS = 120.0
"""Beyond this a measurement says nothing about now; metrics-server makes one every 15 to 60 seconds."""
_RESOURCES = {
    Signal.CPU: "cpu",
    Signal.MEMORY: "memory",
    Signal.CONTAINER_CPU: "cpu",
    Signal.CONTAINER_MEMORY: "memory",
}
_BY_CONTAINER = frozenset({Signal.CONTAINER_CPU, Signal.CONTAINER_MEMORY})
_PATH = "/apis/metrics.k8s.io/v1beta1"


class _Container(msgspec.Struct):
    name: str = ""
    usage: dict[str, str] = {}


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _PodMetrics(msgspec.Struct):
    metadata: _Meta
    timestamp: str
    containers: tuple[_Container, ...] = ()


class _List(msgspec.Struct):
    items: tuple[_PodMetrics, ...] = ()


class ResourceSource:
    """What the cluster's metrics server last saw. It measures over a window of its own, not the query's."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def instant(self, query: Query) -> Vector | Missing:
        """Return cpu or memory of pods now."""
        resource = _RESOURCES.get(query.signal) if isinstance(query, PodQuery) else None
        if resource is None or not isinstance(query, PodQuery):
            return Missing(Why.UNSUPPORTED, "metrics.k8s.io knows cpu and memory of pods alone")
        place = f"/namespaces/{query.namespace}" if query.namespace else ""
        try:
            answer: Any = await self._client.raw("GET", f"{_PATH}{place}/pods")
            listed = msgspec.convert(answer, _List)
            told = _each if query.signal in _BY_CONTAINER else _sum
            samples = [sample for each in listed.items for sample in told(each, resource)]
        except OpError as error:
            absent = error.kind is ErrorKind.NOT_FOUND
            return Missing(Why.UNSUPPORTED if absent else Why.UNAVAILABLE, error.detail)
        except (ValueError, OverflowError) as error:  # msgspec's ValidationError is one
            return Missing(Why.UNAVAILABLE, f"the answer does not decode: {error}")
        now = self._clock.now()
        fresh = tuple(sample for sample in samples if now - sample.at <= STALE_SECONDS)
        if fresh:
            return Vector(fresh)
        return Missing(Why.STALE, f"of {len(samples)} pods") if samples else Missing(Why.NO_DATA, "no pods")

    async def range(self, query: Query, span: Span) -> tuple[Series, ...] | Missing:
        """Say that it has no memory."""
        del query, span
        return Missing(Why.UNSUPPORTED, "metrics.k8s.io keeps no history")


def _sum(metrics: _PodMetrics, resource: str) -> list[Sample]:
    labels = {NAMESPACE: metrics.metadata.namespace, POD: metrics.metadata.name}
    used = sum(parse_quantity(each.usage.get(resource, "0")) for each in metrics.containers)
    return [Sample(labels, float(used), parse_time(metrics.timestamp))]


def _each(metrics: _PodMetrics, resource: str) -> list[Sample]:
    labels = {NAMESPACE: metrics.metadata.namespace, POD: metrics.metadata.name}
    at = parse_time(metrics.timestamp)
    return [
        Sample({**labels, CONTAINER: each.name}, float(parse_quantity(each.usage[resource])), at)
        for each in metrics.containers
        if resource in each.usage
    ]
