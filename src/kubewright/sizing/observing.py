"""Asks what containers use: two questions a minute for the whole cluster, after `history`'s about what was before.

What is not known is said by whoever reads the book; a source that does not answer is asked again in a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from kubewright.api.meta import ObjectKey
from kubewright.api.workload import Workload
from kubewright.clock import Clock
from kubewright.runtime.rounds import surviving
from kubewright.scaling.sizing import DAY_SECONDS, HISTORY_DAYS
from kubewright.series.protocol import MetricSource, Missing, PodQuery, Signal, Span, Why
from kubewright.sizing.book import Book
from kubewright.sizing.gpus import GpuUse
from kubewright.sizing.history import SIGNALS, History

ROUND_SECONDS = 60.0
_GPU_STEP_SECONDS = 300.0


@dataclass(slots=True)
class Observer:
    """Fills the book."""

    clock: Clock
    source: MetricSource
    book: Book
    history: History
    on_query: Callable[[], None] = lambda: None
    problem: str = ""
    """Why nothing was measured in the last round."""
    has_begun: bool = False
    """Whether what was before, and what is now, was asked for once."""
    on_begun: Callable[[], None] = lambda: None

    async def run(
        self,
        ready: Callable[[], bool],
        workloads: Callable[[], Collection[Workload]],
        named: Callable[[], Collection[Workload]],
    ) -> None:
        """Ask until cancelled, when it is known which workloads are there, and which of them policies name."""
        while not ready():  # noqa: ASYNC110  caches tell nobody when they are whole
            await asyncio.sleep(1.0)
        with surviving("what containers used before"):
            await self.history.of_all(workloads())
        while True:
            with surviving("what containers use"):
                await self.history.of_later(named(), answers=not self.problem)
                await self.ask()
            if not self.has_begun:
                self.has_begun = True
                self.on_begun()
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
