"""Replicas that serve a load, as a fluid queue: what a policy is judged by.

Time goes in steps of 15 seconds, as often as a HorizontalPodAutoscaler looks. What arrives in a step is served as far
as ready pods can; the rest waits. Policies see the load and the use of pods as late as measurements come.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

STEP_SECONDS = 15.0
LATE_SECONDS = 1.0
"""A step in which requests wait longer is one in which the promise was broken."""
FULL = 0.95
"""So is one whose load is more than this share of what the ready pods can serve."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How pods and measurements behave."""

    startup_seconds: float
    rate_per_pod: float
    """Requests a second that a ready pod serves at most."""
    lag_seconds: float = 30.0
    """How old the latest measurement is."""
    least: int = 2
    most: int = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What a policy goes by: `arrived` and `utilization` are of the last step that was measured."""

    now: float
    ready: int
    starting: int
    arrived: float
    utilization: float

    @property
    def replicas(self) -> int:
        """Return how many replicas there are, ready or not."""
        return self.ready + self.starting


def seen_late(arrivals: NDArray[np.float64], lag_seconds: float) -> NDArray[np.float64]:
    """Return what policies see of arrivals in each step; until something was measured, the first."""
    late = int(lag_seconds / STEP_SECONDS)
    return np.concatenate([np.repeat(arrivals[:1], late), arrivals])[: len(arrivals)]


class Policy(Protocol):
    """Says how many replicas there should be; asked once in a step, in order."""

    def replicas(self, seen: Seen) -> int:
        """Return the number that is wanted."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a load: the pair that counts is minutes of violation and hours of replicas."""

    violation_minutes: float = 0.0
    late_requests: float = 0.0
    replica_hours: float = 0.0
    scale_events: int = 0
    ready: tuple[int, ...] = field(default=(), repr=False, compare=False)
    """How many replicas served, step by step."""

    def dominates(self, other: Outcome) -> bool:
        """Tell whether it is no worse in both of the pair, and better in one."""
        ours, others = self.pair, other.pair
        return ours != others and ours[0] <= others[0] and ours[1] <= others[1]

    @property
    def pair(self) -> tuple[float, float]:
        """Return minutes of violation and hours of replicas."""
        return self.violation_minutes, self.replica_hours


def simulate(arrivals: Iterable[float], policy: Policy, conditions: Conditions, judged_from: int = 0) -> Outcome:
    """Serve requests a step by as many replicas as the policy says; steps before `judged_from` do not count."""
    pool = _Pool(conditions)
    violations, late, pod_steps, events = 0, 0.0, 0, 0
    ready: list[int] = []
    measured: deque[tuple[float, float]] = deque(maxlen=int(conditions.lag_seconds / STEP_SECONDS) + 1)
    for step, arrived in enumerate(arrivals):
        began = step * STEP_SECONDS
        pool.start(began)
        capacity = pool.capacity
        utilization = pool.serve(arrived)
        is_late = pool.wait_seconds > LATE_SECONDS
        measured.append((arrived, utilization))
        seen = Seen(began + STEP_SECONDS, pool.ready, pool.starting, *measured[0])
        replicas = seen.replicas
        if step >= judged_from:
            violations += is_late or arrived > FULL * capacity
            late += arrived if is_late else 0.0
            pod_steps += replicas
            ready.append(pool.ready)
        wanted = min(max(policy.replicas(seen), conditions.least), conditions.most)
        pool.scale(wanted, began + STEP_SECONDS)
        events += wanted != replicas and step >= judged_from
    return Outcome(violations * STEP_SECONDS / 60, late, pod_steps * STEP_SECONDS / 3600, events, tuple(ready))


class _Pool:
    """The pods of a simulated application and the requests that wait for them."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self.ready = conditions.least
        self._starting: deque[float] = deque()
        """When each pod that is not ready will be, soonest first."""
        self._queued = 0.0

    @property
    def starting(self) -> int:
        return len(self._starting)

    @property
    def capacity(self) -> float:
        """Return how many requests a step the ready pods serve at most."""
        return self.ready * self._conditions.rate_per_pod * STEP_SECONDS

    @property
    def wait_seconds(self) -> float:
        if not self._queued:
            return 0.0
        return self._queued / (self.ready * self._conditions.rate_per_pod) if self.ready else math.inf

    def start(self, now: float) -> None:
        """Let pods be ready whose time has come."""
        while self._starting and self._starting[0] <= now:
            self._starting.popleft()
            self.ready += 1

    def serve(self, arrived: float) -> float:
        """Serve one step, and return the utilization of the ready pods."""
        load, capacity = self._queued + arrived, self.capacity
        served = min(load, capacity)
        self._queued = load - served
        return served / capacity if capacity else 0.0

    def scale(self, wanted: int, now: float) -> None:
        """Begin to start or end pods at once; those that are not ready yet go first, the youngest before others."""
        more = wanted - self.ready - self.starting
        self._starting.extend([now + self._conditions.startup_seconds] * max(more, 0))
        for _ in range(-more):
            if self._starting:
                self._starting.pop()
            else:
                self.ready -= 1
