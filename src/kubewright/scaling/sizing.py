"""How much cpu and memory a container should request: recommendations from what it and its like have used. Pure.

The statistics of `sizing`, of its report, and of whoever else asks what a workload needs. The rules are the Vertical
Pod Autoscaler's: the 90th percentile of cpu, and of each day's peak of memory, and 15 % on top; bounds that are wide
while little is known. What that does not know is added: how high the peaks go (`peak`), below which no limit may lie,
and that a container which was killed for want of memory needs more for a day, however many of its like do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from kubewright.scaling.histogram import DecayingHistogram

CORES, BYTES = "cpu", "memory"
MARGIN = 1.15
TARGET, LOWER, UPPER = 0.9, 0.5, 0.95
DAY_SECONDS = 86_400.0
HISTORY_DAYS = 8
_STALE_SECONDS = 1800.0
"""Whose last measurement is older is not told what it needs: nobody knows."""
BUMP, LEAST_BUMP_BYTES = 1.2, 100.0 * (1 << 20)
"""By so much more than it had needs a container that was killed for want of memory."""
_FUTURE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Of one resource, in cores or bytes: what to request, and between which bounds it probably lies."""

    lower: float
    target: float
    upper: float
    peak: float
    """The most that was used in memory of days: no limit is below it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No recommendation, and why."""

    why: str


Advice = Recommendation | Unknown


@dataclass(slots=True)
class _Peak:
    day: int
    value: float


@dataclass(slots=True)
class ContainerUse:
    """What the containers of one name in the pods of one workload have used."""

    cpu: DecayingHistogram = field(default_factory=lambda: DecayingHistogram(0.001, 1000.0))
    memory: DecayingHistogram = field(default_factory=lambda: DecayingHistogram(1e7, 1e12))
    first_at: dict[str, float] = field(default_factory=dict[str, float])
    last_at: dict[str, float] = field(default_factory=dict[str, float])
    covered_seconds: dict[str, float] = field(default_factory=dict[str, float])
    """For how long there are measurements, summed over pods; each of these by resource."""
    _peaks: dict[str, _Peak] = field(default_factory=dict[str, _Peak])
    """By pod: the most memory of the last day that was measured."""
    _earlier: dict[str, _Peak] = field(default_factory=dict[str, _Peak])
    """By pod whose history comes when it is measured already: the most memory of the last day that has come of it."""
    _bumped: float = 0.0
    _bumped_at: float = -math.inf

    def used_cpu(self, times: Sequence[float], cores: Sequence[float], step_seconds: float) -> None:
        """Take measurements of one pod; each speaks for `step_seconds`."""
        self.cpu.add(times, cores)
        self._cover(CORES, times, step_seconds)

    def used_memory(self, pod: str, times: Sequence[float], amounts: Sequence[float], step_seconds: float) -> None:
        """Take measurements of one pod, of which the highest of each day counts."""
        for at, amount in zip(times, amounts, strict=True):
            self._peaked(pod, at, amount)
        self._cover(BYTES, times, step_seconds)

    def killed(self, pod: str, at: float, had_bytes: float) -> None:
        """Take note that one was killed for want of memory, when it might use `had_bytes`."""
        known = self._peaks.get(pod)
        had = max(had_bytes, known.value if known is not None else 0.0)
        bumped = max(had * BUMP, had + LEAST_BUMP_BYTES)
        self._peaked(pod, at, bumped)
        self._cover(BYTES, (at,), 0.0)
        if bumped >= self._bumped or at - self._bumped_at > DAY_SECONDS:
            self._bumped, self._bumped_at = bumped, at

    def gone(self, pod: str) -> None:
        """Forget which peak was whose: the pod is no more. What it used still counts."""
        self._peaks.pop(pod, None)
        self._earlier.pop(pod, None)

    def advise(self, resource: str, now: float) -> Advice:
        """Recommend what to request of a resource, `cpu` in cores or `memory` in bytes."""
        last = self.last_at.get(resource)
        if last is None:
            return Unknown("nothing was measured")
        if now - last > _STALE_SECONDS:
            return Unknown(f"the last measurement is {int((now - last) // 60)} minutes old")
        if last - now > _FUTURE_SECONDS:
            return Unknown("measurements are of a time that has not come: clocks differ")
        used = self.cpu if resource == CORES else self.memory
        lower, target, upper, peak = (*map(used.percentile, (LOWER, TARGET, UPPER)), used.peak(now))
        if lower is None or target is None or upper is None or peak is None:
            return Unknown("nothing was measured")
        days = self.days(resource)
        if days <= 0.0:
            return Unknown("nothing was measured over time")
        lower, target, upper = lower * MARGIN, target * MARGIN, upper * MARGIN
        lower *= (1.0 + 0.001 / days) ** -2
        upper *= 1.0 + 1.0 / days
        if resource == BYTES and now - self._bumped_at <= DAY_SECONDS:
            lower, target, upper = (max(each, self._bumped) for each in (lower, target, upper))
        return Recommendation(lower, target, upper, peak)

    def days(self, resource: str) -> float:
        """Return for how many days' worth of measurements a recommendation speaks: its confidence."""
        lasted = self.last_at.get(resource, 0.0) - self.first_at.get(resource, 0.0)
        return min(lasted, self.covered_seconds.get(resource, 0.0)) / DAY_SECONDS

    def _cover(self, resource: str, times: Sequence[float], step_seconds: float) -> None:
        if not times:
            return
        self.first_at[resource] = min(self.first_at.get(resource, math.inf), *(at - step_seconds for at in times))
        self.last_at[resource] = max(self.last_at.get(resource, -math.inf), *times)
        self.covered_seconds[resource] = self.covered_seconds.get(resource, 0.0) + len(times) * step_seconds

    def _peaked(self, pod: str, at: float, amount: float) -> None:
        day = int(at // DAY_SECONDS)
        end = (day + 1) * DAY_SECONDS
        last = self._peaks.get(pod)
        peaks = self._earlier if last is not None and last.day > day else self._peaks
        known = peaks.get(pod)
        if known is not None and known.day == day:
            if amount <= known.value:
                return
            self.memory.add((end,), (known.value,), weight=-1.0)
        elif known is not None and known.day > day:
            return
        self.memory.add((end,), (amount,))
        peaks[pod] = _Peak(day, amount)
