"""Asks a source for what all applications of a namespace served, once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from kubewright.clock import Clock
from kubewright.series.protocol import MetricSource, Missing, PodQuery, Signal, Vector
from kubewright.workloads.rollout.readings import Answers

FRESH_SECONDS = 2.0
"""How long an answer serves others who ask the same."""
_Answer: TypeAlias = Vector | Missing


@dataclass(slots=True)
class Measurements:
    """Answers of the last seconds, by question; those who ask the same at once wait for one answer."""

    source: MetricSource
    clock: Clock
    _known: dict[PodQuery, tuple[float, _Answer]] = field(default_factory=dict[PodQuery, tuple[float, _Answer]])
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, namespace: str, signals: Sequence[Signal], windows: Sequence[float]) -> Answers:
        """Return the answers to each signal over each window, of the namespace's pods."""
        async with self._asking:
            now = self.clock.now()
            self._known = {query: kept for query, kept in self._known.items() if kept[0] >= now - FRESH_SECONDS}
            queries = [PodQuery(signal, window, namespace) for signal in signals for window in windows]
            for query in queries:
                if query not in self._known:
                    self._known[query] = (now, await self.source.instant(query))
            return {(query.signal, query.window_seconds): self._known[query][1] for query in queries}
