"""Policies for replicas: the HorizontalPodAutoscaler's, and one that asks a forecast before pods are needed.

Both answer step by step, as `queueing.simulate` asks. `Reactive` goes by the rule of `usage`, with pods all alike.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.scaling.forecast import Followed, Forecast, GrowthForecast
from kubewright.scaling.limits import Bounds, History, limit
from kubewright.scaling.queueing import FULL, STEP_SECONDS, Conditions, Seen
from kubewright.scaling.usage import Tolerances, by_filled_ratio, by_ratio

_SLOW_SECONDS = 600.0


class Reactive:
    """Keeps pods' use at a share of what they can do, as a HorizontalPodAutoscaler without rules of its own does."""

    def __init__(self, target: float, conditions: Conditions) -> None:
        if not 0 < target <= 1:
            raise ValueError("the target is a share of what a pod can do: above 0, at most 1")
        self._target, self._conditions = target, conditions
        self._tolerances, self._history = Tolerances(), History()

    def replicas(self, seen: Seen) -> int:
        """Return the number that the use of ready pods asks for, as fast as may be followed."""
        bounds = Bounds(seen.replicas, self._conditions.least, self._conditions.most, None)
        history = self._history.begun(seen.replicas, seen.now)
        limited = limit(self._proposed(seen), bounds, history, seen.now)
        self._history = limited.history
        return limited.replicas

    def _proposed(self, seen: Seen) -> int:
        ratio, replicas = seen.utilization / self._target, seen.replicas
        if not seen.starting or ratio <= 1:
            return by_ratio(replicas, seen.ready, ratio, self._tolerances)
        with_idle = ratio * seen.ready / replicas
        return by_filled_ratio(replicas, replicas, ratio, with_idle, self._tolerances)


def steady(wanted: int, present: int, tolerances: Tolerances) -> int:
    """Return the present number where it hardly differs from the one that is wanted, else the wanted one."""
    return present if present and tolerances.hold(wanted / present) else wanted


@dataclass(frozen=True, slots=True)
class Prudence:
    """How sure a forecast's policy plays. One set of values for every load."""

    quantile: float = 0.99
    margin: float = 1.15
    """How many times the forecast there shall be room for."""
    novel_margin: float = 1.5
    """The same where the load is near, or above, all that was seen."""
    hold_seconds: float = 300.0
    """For so long no fewer replicas than were wanted."""

    def tolerances(self, startup_seconds: float) -> Tolerances:
        """Return within which shares of the present number a forecast changes nothing.

        Pods that start slowly are missed for longer: they are asked for sooner, and kept rather than asked for again.
        """
        slow = min(startup_seconds / _SLOW_SECONDS, 1.0)
        return Tolerances(down=0.03 + 0.02 * slow, up=0.03 - 0.01 * slow)

    def replicas(self, forecast: Forecast, per_pod: float) -> int:
        """Return how many pods have room for what is forecast, if one has room for so much in a step."""
        margin = self.novel_margin if forecast.is_novel else self.margin
        return math.ceil(forecast.upper * margin / per_pod)


class Predictive:
    """Has pods ready for what the load may become by the time they are: more by a forecast, fewer after a while."""

    def __init__(
        self, conditions: Conditions, prudence: Prudence = Prudence(), course: NDArray[np.float64] | None = None
    ) -> None:
        """Forecast by what is seen; `course` is what will be seen to arrive, if that is known: it takes less time."""
        self._per_pod = conditions.rate_per_pod * STEP_SECONDS * FULL
        ahead = conditions.startup_seconds + conditions.lag_seconds
        forecast = GrowthForecast(math.ceil(ahead / STEP_SECONDS) + 1, prudence.quantile)
        self._forecast = forecast if course is None else Followed(forecast, course)
        self._prudence, self._tolerances = prudence, prudence.tolerances(conditions.startup_seconds)
        self._wanted: deque[int] = deque(maxlen=int(prudence.hold_seconds / STEP_SECONDS) + 1)

    def replicas(self, seen: Seen) -> int:
        """Return the number for the forecast; never fewer than were wanted a short while ago."""
        self._forecast.observe(seen.arrived)
        self._wanted.append(self._prudence.replicas(self._forecast.forecast(), self._per_pod))
        return steady(max(self._wanted), seen.replicas, self._tolerances)
