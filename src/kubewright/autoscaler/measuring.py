"""Asks for all policies at once what was measured, once in fifteen seconds, however many turns go by it.

Cpu and memory come from `metrics.k8s.io`, as a HorizontalPodAutoscaler's, in one list; where that does not answer, and
for all else, the MetricSource is asked one question for each signal. Policies' own PromQL is asked in batches.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.autoscaling import POD_METRICS, PodMetrics
from kubewright.api.meta import ObjectKey
from kubewright.autoscaler.batching import apart, batches, together
from kubewright.autoscaler.readings import MILLI, STALE_SECONDS, WINDOW_SECONDS, Needs, Readings, Use
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.scaling.usage import Sample, sample_of
from kubewright.series.protocol import (
    BOUND,
    NAMESPACE,
    POD,
    Expression,
    MetricSource,
    Missing,
    PodQuery,
    Query,
    Signal,
    Vector,
    Why,
)
from kubewright.series.windows import Buckets, bound_of

SYNC_SECONDS = 15.0
MOST_ALONE = 32
"""So many queries that cannot be asked beside others are asked by themselves in a round."""
MOST_HALVINGS = 64
"""So often in a round are batches halved to find out which queries those are."""
_RESOURCES = {Signal.CPU: "cpu", Signal.MEMORY: "memory"}
_NO_SOURCE = Missing(Why.UNSUPPORTED, "no store that speaks PromQL is known: run with --prometheus URL")


@dataclass(slots=True)
class Measuring:
    """What was measured, no older than fifteen seconds."""

    client: Client
    clock: Clock
    source: MetricSource | None
    all_needs: Callable[[], Needs]
    on_query: Callable[[], None] = lambda: None
    """Told of every question that is asked."""
    _latest: Readings = field(default_factory=Readings)
    _tick: float = -1.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _alone: dict[str, Vector | Missing] = field(default_factory=dict[str, Vector | Missing])
    """Queries that cannot be asked beside others, and what was last said to them; the one asked longest ago first."""
    _halvings: int = 0

    async def readings(self, needs: Needs) -> Readings:
        """Return this round's readings, asking for them if nobody has, or has not for all that is needed."""
        async with self._asking:
            tick = self.clock.now() // SYNC_SECONDS
            if tick != self._tick or not self._latest.needs.covers(needs):
                self._latest = await self._read(Needs.of_all([self.all_needs(), needs]))
                self._tick = tick
        return self._latest

    async def _read(self, needs: Needs) -> Readings:
        namespace = next(iter(needs.namespaces)) if len(needs.namespaces) == 1 else ""
        containers: dict[ObjectKey, PodMetrics] | Missing = {}
        if needs.signals & _RESOURCES.keys():
            containers = await self._containers(namespace)
        asked = needs.signals if isinstance(containers, Missing) else needs.signals - _RESOURCES.keys()
        signals: dict[Signal, Use | Missing] = {}
        if not isinstance(containers, Missing):
            signals |= {each: self._whole(containers.values(), each) for each in needs.signals & _RESOURCES.keys()}
        latency: Mapping[str, Mapping[str, Buckets]] | Missing = Missing(Why.NO_DATA, "not asked")
        for signal in sorted(asked, key=lambda each: each.name):
            found = await self._ask(PodQuery(signal, WINDOW_SECONDS, namespace))
            if signal is Signal.LATENCY:
                latency = found if isinstance(found, Missing) else _buckets(found)
            else:
                signals[signal] = self._missed(containers, found) if isinstance(found, Missing) else self._use(found)
        queries = await self._queries(sorted(needs.queries))
        return Readings(self.clock.now(), needs, containers, signals, latency, queries)

    async def _containers(self, namespace: str) -> dict[ObjectKey, PodMetrics] | Missing:
        self.on_query()
        try:
            listed = await self.client.list(POD_METRICS, namespace=namespace, page_size=0)
        except OpError as error:
            why = Why.UNSUPPORTED if error.kind is ErrorKind.NOT_FOUND else Why.UNAVAILABLE
            return Missing(why, f"metrics.k8s.io: {error.detail}")
        return {each.key: each for each in listed.items}

    async def _ask(self, query: Query) -> Vector | Missing:
        if self.source is None:
            return _NO_SOURCE
        self.on_query()
        return await self.source.instant(query)

    @staticmethod
    def _missed(containers: object, missing: Missing) -> Missing:
        """Return what is missing where neither knows: without a store, what `metrics.k8s.io` has to say."""
        both = isinstance(containers, Missing) and missing.why is Why.UNSUPPORTED
        return containers if both and isinstance(containers, Missing) else missing

    def _whole(self, measured: Iterable[PodMetrics], signal: Signal) -> Use:
        """Return the use of a resource by whole pods."""
        now, found, resource = self.clock.now(), defaultdict[str, dict[str, Sample]](dict), _RESOURCES[signal]
        for each in measured:
            sample = sample_of(each, resource, "")
            if sample is not None and abs(now - sample.at) <= STALE_SECONDS:
                found[each.metadata.namespace][each.metadata.name] = sample
        return found

    def _use(self, vector: Vector) -> Use | Missing:
        now, found = self.clock.now(), defaultdict[str, dict[str, Sample]](dict)
        for labels, value, at in vector.samples:
            if abs(now - at) <= STALE_SECONDS:
                pods = found[labels.get(NAMESPACE, "")]
                pods[labels.get(POD, "")] = Sample(round(value * MILLI), at, WINDOW_SECONDS)
        return found or Missing(Why.STALE, "the store's clock and ours are minutes apart")

    async def _queries(self, queries: Sequence[str]) -> dict[str, Vector | Missing]:
        wanted = frozenset(queries)
        self._alone = {query: said for query, said in self._alone.items() if query in wanted}
        self._halvings = 0
        for query in list(self._alone)[:MOST_ALONE]:
            del self._alone[query]
            self._alone[query] = await self._ask(Expression(query))
        found: dict[str, Vector | Missing] = dict(self._alone)
        for batch in batches([query for query in queries if query not in found]):
            found |= await self._batch(batch)
        return found

    async def _batch(self, batch: Sequence[str]) -> dict[str, Vector | Missing]:
        """Ask together; what cannot be answered so is halved until those are found that are to blame."""
        whole = len(batch) > 1
        answer = await self._ask(Expression(together(batch) if whole else batch[0]))
        if isinstance(answer, Missing) and answer.why is Why.INVALID:
            if whole and self._halvings < MOST_HALVINGS:
                self._halvings += 1
                middle = len(batch) // 2
                return await self._batch(batch[:middle]) | await self._batch(batch[middle:])
            if not whole:
                # A scalar cannot bear a label, and so not stand beside others; by itself it has an answer.
                self._alone[batch[0]] = answer
        if isinstance(answer, Vector) and whole:
            return apart(batch, answer)
        return dict.fromkeys(batch, answer)


def _buckets(vector: Vector) -> Mapping[str, Mapping[str, Buckets]]:
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for labels, value, _ in vector.samples:
        bound = bound_of(labels.get(BOUND, ""))
        if bound is not None:
            found[labels.get(NAMESPACE, "")][labels.get(POD, "")].append((bound, value))
    return found
