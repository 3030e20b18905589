"""Asks what containers use: two questions a minute for the whole cluster, and at first what history there is.

History comes in pieces, the earliest first, so that no answer is large: cpu by the minute, since means over longer
hide the peaks that a limit must not cut, and the highest memory of five minutes. What is not known is said by whoever
reads the book; a source that does not answer is asked again in a minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from kubewright.api.meta import ObjectKey
from kubewright.api.workload import Workload
from kubewright.clock import Clock
from kubewright.scaling.sizing import BYTES, CORES, DAY_SECONDS, HISTORY_DAYS
from kubewright.series.protocol import MetricSource, Missing, PodQuery, Signal, Span, Why
from kubewright.sizing.book import Book
from kubewright.sizing.gpus import GpuUse

ROUND_SECONDS = 60.0
HISTORY = {CORES: (60.0, DAY_SECONDS / 6), BYTES: (300.0, DAY_SECONDS)}
"""How far measurements of the past are apart, and how long a time one question is about, in seconds."""
SIGNALS = {CORES: Signal.CONTAINER_CPU, BYTES: Signal.CONTAINER_MEMORY}
_GPU_STEP_SECONDS = 300.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Observer:
    """Fills the book."""

    clock: Clock
    source: MetricSource
    book: Book
    workloads: Callable[[], Collection[Workload]]
    """Those that are there."""
    on_query: Callable[[], None] = lambda: None
    problem: str = ""
    """Why nothing was measured in the last round."""

    async def run(self, ready: Callable[[], bool]) -> None:
        """Ask until cancelled, when pods are known."""
        while not ready():  # noqa: ASYNC110  caches tell nobody when they are whole
            await asyncio.sleep(1.0)
        await self.history()
        while True:
            await self.ask()
            await asyncio.sleep(ROUND_SECONDS - self.clock.now() % ROUND_SECONDS)

    async def ask(self, namespace: str = "") -> None:
        """Take what is so now."""
        problems: list[str] = []
        for resource, signal in SIGNALS.items():
            self.on_query()
            found = await self.source.instant(PodQuery(signal, ROUND_SECONDS, namespace))
            if isinstance(found, Missing):
                problems.append(f"{resource}: {found}")
            else:
                self.book.take(resource, found, ROUND_SECONDS)
        self.book.forget(self.clock.now())
        self.problem = "; ".join(problems)

    async def history(self, namespace: str = "") -> None:
        """Take what was so in the last days, as far as the source remembers."""
        now, known = self.clock.now(), frozenset(self.workloads())
        for resource, signal in SIGNALS.items():
            step, piece = HISTORY[resource]
            query = PodQuery(signal, step, namespace)
            for number in range(round(HISTORY_DAYS * DAY_SECONDS / piece), 0, -1):
                begin = now - number * piece
                self.on_query()
                found = await self.source.range(query, Span(begin + step, begin + piece, step))
                if not isinstance(found, Missing):
                    self.book.take_history(resource, found, known, step)
                elif found.why is not Why.NO_DATA:
                    _log.info("no history of %s: %s", resource, found)
                    break


async def gpu_use(source: MetricSource, now: float, namespace: str = "") -> tuple[dict[ObjectKey, GpuUse], str]:
    """Ask what pods used of their GPUs in the last days; also why not all is known, empty if it is."""
    busy, why_busy = await _most(source, Signal.GPU, now, namespace)
    memory, why_memory = await _most(source, Signal.GPU_MEMORY, now, namespace)
    used = {
        pod: GpuUse(share, memory[pod][0], min(count, memory[pod][1]) * _GPU_STEP_SECONDS)
        for pod, (share, count) in busy.items()
        if pod in memory
    }
    return used, why_busy or why_memory


async def _most(
    source: MetricSource, signal: Signal, now: float, namespace: str
) -> tuple[dict[ObjectKey, tuple[float, int]], str]:
    """Return by pod the most that was measured and how many measurements there are, and what went wrong."""
    found: dict[ObjectKey, tuple[float, int]] = {}
    step, query = _GPU_STEP_SECONDS, PodQuery(signal, _GPU_STEP_SECONDS, namespace)
    for day in range(HISTORY_DAYS, 0, -1):
        begin = now - day * DAY_SECONDS
        answer = await source.range(query, Span(begin + step, begin + DAY_SECONDS, step))
        if isinstance(answer, Missing):
            if answer.why is not Why.NO_DATA:
                return found, f"GPUs: {answer}"
            continue
        for series in answer:
            most, count = found.get(series.pod, (0.0, 0))
            found[series.pod] = max(most, *(value for _, value in series.points)), count + len(series.points)
    return found, ""
