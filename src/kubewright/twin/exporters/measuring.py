"""The twin's own `MetricSource`: what its containers use, asked for in process and under virtual time.

Nothing ticks: each question takes a reading of the pods that it is about, and a rate is between readings. A container
that began within the window has its beginning as the first; an older one that nobody asked about has no rate yet, as
with a Prometheus that was just started.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.core import Pod
from kubewright.series.protocol import (
    BOUND,
    CLAIM,
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
from kubewright.series.windows import History
from kubewright.twin.exporters.devices import memory_mib
from kubewright.twin.exporters.sources import Sources
from kubewright.twin.exporters.volumes import shares
from kubewright.twin.usage.account import Reading
from kubewright.twin.usage.serving import BUCKETS

KEEP_SECONDS = 900.0
"""How long readings are kept, unless a longer window was asked for."""
_CPU, _GPU, _REQUESTS, _ERRORS, _FIRST_BUCKET = range(5)
_COUNTERS = {Signal.CPU: _CPU, Signal.GPU: _GPU, Signal.REQUESTS: _REQUESTS, Signal.ERRORS: _ERRORS}
_NOW_ALONE = frozenset({Signal.MEMORY, Signal.CONTAINER_MEMORY, Signal.GPU_MEMORY, Signal.VOLUMES})
_OF_REQUESTS = frozenset({Signal.REQUESTS, Signal.ERRORS, Signal.LATENCY})
_MIB = 1 << 20
_BOUNDS = (*(str(bound) for bound in BUCKETS), "+Inf")


class TwinSource:
    """Measures pods that run on nodes whose kubelets answer."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._histories: dict[tuple[str, str, float], History] = {}
        """By pod's uid, container and its start."""
        self._keep_seconds = KEEP_SECONDS

    async def instant(self, query: Query) -> Vector | Missing:
        """Return what is so now."""
        if not isinstance(query, PodQuery):
            return Missing(Why.UNSUPPORTED, "the twin has no PromQL in process: scrape it with a Prometheus")
        now = self._sources.clock.now()
        if query.signal is Signal.VOLUMES:
            return self._volumes(query, now)
        samples = [
            Sample(labels, value, now)
            for pod, readings in self._read(query, now)
            for labels, value in self._measured(pod, readings, query, now)
        ]
        return Vector(tuple(samples)) if samples else Missing(Why.NO_DATA, "no pods")

    async def range(self, query: Query, span: Span) -> tuple[Series, ...] | Missing:
        """Return what was so, as far back as readings were taken."""
        if not isinstance(query, PodQuery) or query.signal in _NOW_ALONE:
            return Missing(Why.UNSUPPORTED, "the twin remembers rates of pods alone")
        points: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        steps = int((span.end - span.start) / span.step_seconds) + 1
        for pod, readings in self._read(query, self._sources.clock.now()):
            for at in (span.start + step * span.step_seconds for step in range(steps)):
                for labels, value in self._measured(pod, readings, query, at):
                    points.setdefault(tuple(labels.items()), []).append((at, value))
        found = tuple(Series(dict(labels), tuple(values)) for labels, values in points.items())
        return found or Missing(Why.NO_DATA, "no readings in that span")

    def _volumes(self, query: PodQuery, now: float) -> Vector | Missing:
        pods = [pod for pod in self._sources.caches.pods.index.values() if self._is_seen(pod, query.namespace)]
        samples = [
            Sample({NAMESPACE: key.namespace, CLAIM: key.name}, share, now)
            for key, share in shares(self._sources, pods)
        ]
        return Vector(tuple(sorted(samples, key=repr))) if samples else Missing(Why.NO_DATA, "no claims")

    def _read(self, query: PodQuery, now: float) -> list[tuple[Pod, list[Reading]]]:
        """Take a reading of every pod that the query is about, and return both."""
        self._keep_seconds = max(self._keep_seconds, query.window_seconds)
        pods = [pod for pod in self._sources.caches.pods.index.values() if self._is_seen(pod, query.namespace)]
        pods.sort(key=lambda pod: pod.key)
        read = [(pod, self._sources.ledger.readings(pod)) for pod in pods]
        for pod, readings in read:
            for reading in readings:
                self._history(pod, reading).add(now, _counters(reading))
        self._forget(now)
        return read

    def _is_seen(self, pod: Pod, namespace: str) -> bool:
        if pod.status.phase != "Running" or (namespace and pod.metadata.namespace != namespace):
            return False
        return self._sources.reachable(pod.spec.node_name)

    def _history(self, pod: Pod, reading: Reading) -> History:
        key = (pod.metadata.uid, reading.container, reading.started_at)
        known = self._histories.get(key)
        if known is None:
            known = self._histories[key] = History(self._keep_seconds)
            if reading.started_at > self._sources.clock.now() - self._keep_seconds:
                known.add(reading.started_at, (0.0,) * len(_counters(reading)))
        known.keep_seconds = self._keep_seconds
        return known

    def _forget(self, now: float) -> None:
        old = [key for key, history in self._histories.items() if history.last_at < now - self._keep_seconds]
        for key in old:
            del self._histories[key]

    def _measured(
        self, pod: Pod, readings: list[Reading], query: PodQuery, at: float
    ) -> Iterator[tuple[dict[str, str], float]]:
        labels = {NAMESPACE: pod.metadata.namespace, POD: pod.metadata.name}
        if query.signal in _NOW_ALONE:
            yield from self._held(labels, pod, readings, query.signal)
            return
        if query.signal is Signal.CONTAINER_CPU:
            for each in readings:
                used = self._history(pod, each).rates(query.window_seconds, at)
                if used is not None:
                    yield {**labels, CONTAINER: each.container}, used[_CPU]
            return
        rates = [
            rates
            for reading in readings
            if _has(reading, query.signal)
            and (rates := self._history(pod, reading).rates(query.window_seconds, at)) is not None
        ]
        if not rates:
            return
        sums = [sum(values) for values in zip(*rates, strict=True)]
        if query.signal is Signal.LATENCY:
            yield from (({**labels, BOUND: bound}, sums[_FIRST_BUCKET + i]) for i, bound in enumerate(_BOUNDS))
        else:
            yield labels, sums[_COUNTERS[query.signal]]

    def _held(
        self, labels: dict[str, str], pod: Pod, readings: list[Reading], signal: Signal
    ) -> Iterator[tuple[dict[str, str], float]]:
        """Yield the memory of each kind that a pod has now."""
        if signal is Signal.CONTAINER_MEMORY:
            yield from (({**labels, CONTAINER: each.container}, each.memory_bytes) for each in readings)
        elif signal is Signal.MEMORY and readings:
            yield labels, sum(reading.memory_bytes for reading in readings)
        elif signal is Signal.GPU_MEMORY:
            node = self._sources.node(pod.spec.node_name)
            shares = [reading.gpu_memory for reading in readings if _has(reading, Signal.GPU)]
            if node is not None and shares:
                yield labels, max(shares) * memory_mib(node) * _MIB


def _has(reading: Reading, signal: Signal) -> bool:
    if signal in _OF_REQUESTS:
        return reading.served is not None
    return signal is not Signal.GPU or reading.room.gpus > 0


def _counters(reading: Reading) -> tuple[float, ...]:
    served = reading.served
    if served is None:
        return (reading.cpu_seconds, reading.gpu_seconds)
    answered = (served.requests, served.failed, *served.buckets, served.requests)
    return (reading.cpu_seconds, reading.gpu_seconds, *answered)
