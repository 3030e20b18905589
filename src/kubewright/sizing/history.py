"""Asks what containers used before anybody measured: at first of all that is there, then of what policies come to name.

At first in pieces, the earliest first, so that no answer is large: cpu by the minute, since means over longer hide the
peaks that a limit must not cut, and the highest memory of five minutes. Later one batch of workloads a round, by the
names of their pods, in twenty questions. A source that does not answer is asked on from there in the next round, a
question that it alone does not answer is given up, and one that keeps no history is not asked again. What was measured
since a workload is watched counts once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from kubewright.api.workload import Workload, names_of_pods
from kubewright.clock import Clock
from kubewright.scaling.sizing import BYTES, CORES, DAY_SECONDS, HISTORY_DAYS
from kubewright.series.protocol import MetricSource, Missing, PodQuery, Signal, Span, Why
from kubewright.sizing.book import Book

SIGNALS = {CORES: Signal.CONTAINER_CPU, BYTES: Signal.CONTAINER_MEMORY}
STEPS = {CORES: 60.0, BYTES: 300.0}
"""How far measurements of the past are apart, in seconds."""
OF_ALL = {CORES: DAY_SECONDS / 6, BYTES: DAY_SECONDS}
OF_SOME = {CORES: DAY_SECONDS / 2, BYTES: 2 * DAY_SECONDS}
"""How long a time one question is about, in seconds."""
WORKLOADS_AT_ONCE = 10
_STRIKES = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Question:
    resource: str
    query: PodQuery
    span: Span


@dataclass(frozen=True, slots=True)
class _Batch:
    until: Mapping[Workload, float]
    """From when on what each used is known otherwise."""
    questions: deque[_Question]


@dataclass(slots=True)
class History:
    """Fills the book with what was before."""

    clock: Clock
    source: MetricSource
    book: Book
    on_query: Callable[[], None] = lambda: None
    _open: deque[_Batch] = field(default_factory=deque[_Batch])
    _asked: set[Workload] = field(default_factory=set[Workload])
    _strikes: int = 0
    """How often the first open question found no answer, of a source that answers others."""

    async def of_all(self, workloads: Collection[Workload], namespace: str = "") -> None:
        """Take what these used, which are all that there are (in a namespace)."""
        self._add(workloads, OF_ALL, namespace=namespace)
        await self._ask()

    async def of_later(self, named: Collection[Workload], *, answers: bool) -> None:
        """Go on where the source did not answer, else ask about some of those that nobody asked about yet.

        `answers`: whether the source answers what is asked of now.
        """
        self._asked = {each for each in self._asked if each in named or self.book.knows(each)}
        new = list(islice((each for each in sorted(named) if each not in self._asked), WORKLOADS_AT_ONCE))
        if new and not self._open:
            namespaces = {each.namespace for each in new}
            namespace = namespaces.pop() if len(namespaces) == 1 else ""
            names = "|".join(names_of_pods(each.kind, each.name).pattern for each in new)
            self._add(new, OF_SOME, namespace=namespace, names=names)
        if not await self._ask() and answers:
            self._strikes += 1
            if self._strikes >= _STRIKES:
                given_up = self._open[0].questions.popleft()
                _log.warning("%s of %s is not known: the store does not answer", given_up.resource, given_up.span)
                self._strikes = 0

    def _add(
        self, workloads: Collection[Workload], pieces: Mapping[str, float], *, namespace: str, names: str = ""
    ) -> None:
        now = self.clock.now()
        until = {each: min(now, self.book.since(each)) for each in workloads}
        questions = deque(_questions(now, pieces, namespace, names))
        self._asked |= until.keys()
        self._open.append(_Batch(until, questions))

    async def _ask(self) -> bool:
        """Ask what is open; return whether the source answered all of it."""
        while self._open:
            batch = self._open[0]
            while batch.questions:
                asked = batch.questions[0]
                self.on_query()
                found = await self.source.range(asked.query, asked.span)
                if not isinstance(found, Missing):
                    self.book.take_history(asked.resource, found, batch.until, STEPS[asked.resource])
                elif found.why is Why.UNAVAILABLE:
                    _log.info("no history of %s yet: %s", asked.resource, found)
                    return False
                elif found.why is not Why.NO_DATA:
                    _log.info("no history of %s: %s", asked.resource, found)
                    self._drop(batch, asked.resource)
                    continue
                batch.questions.popleft()
                self._strikes = 0
            self._open.popleft()
        return True

    def _drop(self, batch: _Batch, resource: str) -> None:
        kept = [each for each in batch.questions if each.resource != resource]
        batch.questions.clear()
        batch.questions.extend(kept)


def _questions(now: float, pieces: Mapping[str, float], namespace: str, names: str) -> Iterator[_Question]:
    for resource, signal in SIGNALS.items():
        step, piece = STEPS[resource], pieces[resource]
        query = PodQuery(signal, step, namespace, names)
        for number in range(round(HISTORY_DAYS * DAY_SECONDS / piece), 0, -1):
            begin = now - number * piece
            yield _Question(resource, query, Span(begin + step, begin + piece, step))
