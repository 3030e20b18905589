"""Keeps a forecast for each policy that wants one, and reads what their loads were in the week before.

A namespace's history is read for all its policies at once, two hours at a time, beside the turns. Until it is known,
and as long as there is not a week of it, a policy is reactive.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.crds.scalepolicy import REACTIVE, ScalePolicy
from kubewright.api.meta import ObjectKey
from kubewright.api.workload import names_of_pods
from kubewright.autoscaler.metrics import Outlook
from kubewright.autoscaler.outlook import Growing, Load, load_of, startup_seconds
from kubewright.autoscaler.readings import WINDOW_SECONDS, Readings, metrics_of
from kubewright.clock import Clock
from kubewright.runtime.rounds import surviving
from kubewright.scaling.podset import PodSet
from kubewright.scaling.queueing import STEP_SECONDS
from kubewright.series.protocol import MetricSource, Missing, PodQuery, Series, Signal, Span

WEEK_SECONDS = 7 * 86_400.0
MINUTE_SECONDS, CHUNK_SECONDS = 60.0, 7200.0
AGAIN_SECONDS = 3600.0
"""After so long it is looked again whether there is a week by now."""
OTHER_SECONDS = 600.0
"""For so long a forecast stays that does not fit the pods' start-up time any more."""
MOST_FORECASTS = 2000
"""Each takes some two megabytes; policies beyond are reactive."""
_KNOWN = 0.5
"""Of which share of a week's minutes something must be known."""
_AT_ONCE = 240
"""So many steps are learned before others have their turn."""


@dataclass(slots=True)
class _State:
    growing: Growing | None = None
    why: str = "its load of the last week is being read"
    again_at: float = 0.0
    wish: tuple[Load, float] | None = None
    """What is to be learned: the load, and the pods' start-up time."""


@dataclass(slots=True)
class Forecasts:
    """What is coming, policy by policy."""

    clock: Clock
    source: MetricSource | None
    _states: dict[ObjectKey, _State] = field(default_factory=dict[ObjectKey, _State])
    _targets: dict[ObjectKey, tuple[str, str]] = field(default_factory=dict[ObjectKey, tuple[str, str]])
    _wished: asyncio.Event = field(default_factory=asyncio.Event)

    def forget(self, key: ObjectKey) -> None:
        """Drop what is known of a policy that is gone."""
        self._states.pop(key, None)
        self._targets.pop(key, None)

    def outlooks(self, policy: ScalePolicy, pods: PodSet, readings: Readings) -> tuple[dict[int, Outlook], str]:
        """Take in a policy's load, and return what is coming by the place of its metric, or why that is not known."""
        key = policy.key
        load, why = self._load(policy, pods, readings)
        startup = startup_seconds(pods)
        if load is None or startup is None:
            return {}, why or "no pod is ready yet, to tell how long that takes"
        if key not in self._states and len(self._states) >= MOST_FORECASTS:
            return {}, f"{MOST_FORECASTS} other policies are forecast already"
        state = self._states.setdefault(key, _State())
        step, growing = int(readings.at // STEP_SECONDS), state.growing
        if growing is None or not growing.fits(load, startup, step):
            self._wish(policy, state, load, startup)
        if growing is None or growing.signal is not load.signal:
            return {}, state.why
        growing.observe(load.total, step)
        if math.isnan(load.total):
            return {}, "its load is not known"
        return {load.place: growing.outlook(load.per_pod)}, ""

    def _load(self, policy: ScalePolicy, pods: PodSet, readings: Readings) -> tuple[Load | None, str]:
        if policy.spec.mode == REACTIVE:
            return None, "it is to react"
        if self.source is None:
            return None, "there is no store with a history"
        load = load_of(metrics_of(policy.spec), pods, readings)
        return load, "" if load is not None else "neither requests nor cpu tell its load"

    def _wish(self, policy: ScalePolicy, state: _State, load: Load, startup: float) -> None:
        if state.wish is None and self.clock.now() >= state.again_at:
            state.wish = (load, startup)
            self._targets[policy.key] = (policy.spec.target.kind, policy.spec.target.name)
            self._wished.set()

    async def run(self) -> None:
        """Read histories as they are wished for, until cancelled."""
        while True:
            await self._wished.wait()
            self._wished.clear()
            groups: dict[tuple[str, Signal], list[ObjectKey]] = {}
            for key, state in self._states.items():
                if state.wish is not None:
                    groups.setdefault((key.namespace, state.wish[0].signal), []).append(key)
            for (namespace, signal), keys in groups.items():
                with surviving(f"the histories of {namespace}"):
                    await self._learn(namespace, signal, keys)

    async def _learn(self, namespace: str, signal: Signal, keys: Sequence[ObjectKey]) -> None:
        """Read a namespace's history, and make the forecasts of those who have a week of it.

        Others' histories take a while: who is gone by now is passed over.
        """
        keys = [key for key in keys if key in self._targets]
        end = self.clock.now() // MINUTE_SECONDS * MINUTE_SECONDS
        minutes = await self._minutes(namespace, signal, keys, end)
        for key in keys:
            state = self._states.get(key)
            if state is None or state.wish is None:
                continue
            load, startup = state.wish
            state.wish, state.again_at = None, end + AGAIN_SECONDS
            known = minutes[key] if not isinstance(minutes, Missing) else {}
            days = len(known) * MINUTE_SECONDS / 86_400
            if not known or min(known) > end - WEEK_SECONDS + CHUNK_SECONDS or days < _KNOWN * 7:
                state.why = (
                    str(minutes) if isinstance(minutes, Missing) else f"{days:.1f} of 7 days of its load are known"
                )
                continue
            state.growing, state.again_at = await self._grown(load, startup, known, end), end + OTHER_SECONDS

    async def _minutes(
        self, namespace: str, signal: Signal, keys: Sequence[ObjectKey], end: float
    ) -> Mapping[ObjectKey, dict[float, float]] | Missing:
        """Return each policy's load by the minute; or what is missing, if the store has nothing of a week ago."""
        if self.source is None:
            return {key: {} for key in keys}
        found: dict[ObjectKey, dict[float, float]] = {key: {} for key in keys}
        patterns = {key: names_of_pods(*self._targets[key]) for key in keys}
        start = end - WEEK_SECONDS
        while start < end:
            span = Span(start, min(start + CHUNK_SECONDS, end) - MINUTE_SECONDS, MINUTE_SECONDS)
            answer = await self.source.range(PodQuery(signal, WINDOW_SECONDS, namespace), span)
            if isinstance(answer, Missing):
                if start == end - WEEK_SECONDS:
                    return answer
            else:
                for key, pattern in patterns.items():
                    _add(found[key], (each for each in answer if pattern.fullmatch(each.pod.name)))
            start += CHUNK_SECONDS
        return found

    async def _grown(self, load: Load, startup: float, known: Mapping[float, float], end: float) -> Growing:
        """Learn a load's history; others have their turns meanwhile."""
        first = int(min(known) // STEP_SECONDS)
        growing = Growing(load, startup, first - 1)
        for step in range(first, int(end // STEP_SECONDS)):
            at = step * STEP_SECONDS // MINUTE_SECONDS * MINUTE_SECONDS
            growing.observe(known.get(at, math.nan), step)
            if step % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return growing


def _add(sums: dict[float, float], series: Iterable[Series]) -> None:
    for each in series:
        for at, value in each.points:
            minute = at // MINUTE_SECONDS * MINUTE_SECONDS
            sums[minute] = sums.get(minute, 0.0) + value
