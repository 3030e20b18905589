"""Asks for all policies at once what was measured, once in fifteen seconds, however many turns go by it.

Cpu and memory come from `metrics.k8s.io`, as a HorizontalPodAutoscaler's, in one list; where that does not answer, and
for all else, the MetricSource is asked one question for each signal. Policies' own PromQL is asked in batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.autoscaling import POD_METRICS
from kubewright.autoscaler import columns
from kubewright.autoscaler.batching import apart, batches, together
from kubewright.autoscaler.columns import Column, LatencyColumns, PodRows
from kubewright.autoscaler.readings import STALE_SECONDS, WINDOW_SECONDS, Containers, Needs, Readings
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.series.columns import Columns
from kubewright.series.columns import columns as columns_of
from kubewright.series.protocol import (
    Expression,
    MetricSource,
    Missing,
    PodQuery,
    Signal,
    Vector,
    Why,
)

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
    _rows: PodRows = field(default_factory=PodRows)

    async def readings(self, needs: Needs) -> Readings:
        """Return this round's readings, asking for them if nobody has, or has not for all that is needed."""
        async with self._asking:
            tick = self.clock.now() // SYNC_SECONDS
            if tick != self._tick or not self._latest.needs.covers(needs):
                self._latest = await self.read(Needs.of_all([self.all_needs(), needs]))
                self._tick = tick
        return self._latest

    async def read(self, needs: Needs) -> Readings:
        """Ask for what is needed, whatever is known already."""
        namespace = next(iter(needs.namespaces)) if len(needs.namespaces) == 1 else ""
        containers: Containers | Missing = Containers(())
        if needs.signals & _RESOURCES.keys():
            containers = await self._containers(namespace)
        asked = needs.signals if isinstance(containers, Missing) else needs.signals - _RESOURCES.keys()
        answers = {each: await self._columns(each, namespace) for each in sorted(asked, key=lambda each: each.name)}
        queries = await self._queries(sorted(needs.queries))
        return self._readings(needs, containers, answers, queries)

    def _readings(
        self,
        needs: Needs,
        containers: Containers | Missing,
        answers: Mapping[Signal, Columns | Missing],
        queries: Mapping[str, Vector | Missing],
    ) -> Readings:
        """Give what was answered rows and columns."""
        now, rows = self.clock.now(), self._rows
        signals: dict[Signal, Column | Missing] = {}
        latency: LatencyColumns | Missing = Missing(Why.NO_DATA, "not asked")
        if not isinstance(containers, Missing):
            for each in needs.signals & _RESOURCES.keys():
                signals[each] = columns.usage(rows, containers.measured, _RESOURCES[each], now, STALE_SECONDS)
        for each, found in answers.items():
            if each is Signal.LATENCY:
                latency = found if isinstance(found, Missing) else columns.latency(rows, found, now, STALE_SECONDS)
            elif isinstance(found, Missing):
                signals[each] = self._missed(containers, found)
            else:
                signals[each] = columns.signal(rows, found, WINDOW_SECONDS, now, STALE_SECONDS)
        found = [each for each in (*signals.values(), latency) if not isinstance(each, Missing)]
        self._rows = rows.kept(max((each.measured for each in found), default=0))
        return Readings(now, needs, containers, signals, latency, queries)

    async def _containers(self, namespace: str) -> Containers | Missing:
        self.on_query()
        try:
            listed = await self.client.list(POD_METRICS, namespace=namespace, page_size=0)
        except OpError as error:
            why = Why.UNSUPPORTED if error.kind is ErrorKind.NOT_FOUND else Why.UNAVAILABLE
            return Missing(why, f"metrics.k8s.io: {error.detail}")
        return Containers(listed.items)

    async def _columns(self, signal: Signal, namespace: str) -> Columns | Missing:
        if self.source is None:
            return _NO_SOURCE
        self.on_query()
        return await columns_of(self.source, PodQuery(signal, WINDOW_SECONDS, namespace))

    async def _ask(self, query: Expression) -> Vector | Missing:
        if self.source is None:
            return _NO_SOURCE
        self.on_query()
        return await self.source.instant(query)

    @staticmethod
    def _missed(containers: object, missing: Missing) -> Missing:
        """Return what is missing where neither knows: without a store, what `metrics.k8s.io` has to say."""
        both = isinstance(containers, Missing) and missing.why is Why.UNSUPPORTED
        return containers if both and isinstance(containers, Missing) else missing

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
                self._alone[batch[0]] = answer
        if isinstance(answer, Vector) and whole:
            return apart(batch, answer)
        return dict.fromkeys(batch, answer)
