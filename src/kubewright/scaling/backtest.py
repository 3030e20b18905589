"""Policies on the same recorded load: what each would have cost, and which of them to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.scaling.forecast import STEPS_A_DAY
from kubewright.scaling.policies import Predictive, Reactive
from kubewright.scaling.queueing import STEP_SECONDS, Conditions, Outcome, Policy, seen_late, simulate

_WARM_DAYS = 14


@dataclass(frozen=True, slots=True)
class Window:
    """What is replayed: arrivals a step, judged between two of them; a forecast learns from those before."""

    arrivals: NDArray[np.float64]
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= len(self.arrivals):
            raise ValueError("there is nothing of the series between these times")

    @property
    def minutes(self) -> float:
        """Return how long is judged."""
        return (self.end - self.start) * STEP_SECONDS / 60

    @property
    def judged(self) -> NDArray[np.float64]:
        """Return the arrivals that are judged."""
        return self.arrivals[self.start : self.end]

    @property
    def first(self) -> int:
        """Return where what a policy sees begins: two weeks before what is judged."""
        return max(self.start - _WARM_DAYS * STEPS_A_DAY, 0)

    def run(self, policy: Policy, conditions: Conditions) -> Outcome:
        """Serve the window by a policy, which sees the two weeks before as well."""
        seen = self.arrivals[self.first : self.end]
        return simulate(seen.tolist(), policy, conditions, self.start - self.first)

    def predict(self, conditions: Conditions) -> Outcome:
        """Serve the window by the forecast's policy."""
        course = seen_late(self.arrivals[self.first : self.end], conditions.lag_seconds)
        return self.run(Predictive(conditions, course=course), conditions)


@dataclass(frozen=True, slots=True)
class Tried:
    """A policy by its name, and what became of the load under it."""

    name: str
    outcome: Outcome


def replay(window: Window, conditions: Conditions, targets: Sequence[float]) -> tuple[Tried, ...]:
    """Try the forecast's policy, and a HorizontalPodAutoscaler at each target (shares of what a pod can do)."""
    tried = [Tried("predictive", window.predict(conditions))]
    tried += [Tried(f"hpa {target:.0%}", window.run(Reactive(target, conditions), conditions)) for target in targets]
    return tuple(tried)


def pareto_front(tried: Sequence[Tried]) -> tuple[Tried, ...]:
    """Return those that no other one dominates, the cheapest first."""
    front = [each for each in tried if not any(other.outcome.dominates(each.outcome) for other in tried)]
    return tuple(sorted(front, key=lambda each: each.outcome.replica_hours))


def choose(tried: Sequence[Tried], allowed_minutes: float) -> Tried:
    """Return the cheapest with no more minutes of violation than allowed; with none, the one with the fewest."""
    good = [each for each in tried if each.outcome.violation_minutes <= allowed_minutes]
    if good:
        return min(good, key=lambda each: (each.outcome.replica_hours, each.name))
    return min(tried, key=lambda each: (*each.outcome.pair, each.name))
