"""What is coming to one policy's target: its load, forecast over the time that its pods take to start. Pure.

The forecast is that of `scaling.forecast`: how much a load grows within a horizon, learned from a week or more of it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.crds.scalepolicy import PolicyMetric
from kubewright.api.meta import parse_time
from kubewright.api.quantity import milli
from kubewright.api.resources import CPU
from kubewright.autoscaler.columns import MILLI
from kubewright.autoscaler.metrics import Outlook
from kubewright.autoscaler.readings import Readings
from kubewright.scaling.forecast import Followed, GrowthForecast
from kubewright.scaling.podset import NoProposalError, PodSet
from kubewright.scaling.policies import Prudence
from kubewright.scaling.queueing import FULL, STEP_SECONDS
from kubewright.scaling.usage import Sample
from kubewright.series.protocol import Missing, Signal

_PRUDENCE = Prudence()
LAG_SECONDS = 30.0
"""How old a measurement is until it is acted on."""
MOST_GAP_STEPS = 240
"""A longer gap is not bridged: what was known is learned anew."""
_LEAST_START, _MOST_START = 15.0, 1800.0
_OTHER = 1.5
"""From how many times the start-up time that a forecast was made for, or one over that, another one is made."""
_POD = 375.0
"""What a pod's worth of load counts that is not requests: as many as a pod at 25 a second has in a step."""


@dataclass(frozen=True, slots=True)
class Load:
    """A policy's load now, and how much of it a pod has room for; both in requests a second, or in cores."""

    place: int
    """Which of the policy's metrics it is."""
    signal: Signal
    total: float
    """Not a number while it is not known."""
    per_pod: float

    @property
    def scale(self) -> float:
        """Return what makes a forecast's count of it."""
        return STEP_SECONDS if self.signal is Signal.REQUESTS else _POD / self.per_pod


def load_of(metrics: Sequence[PolicyMetric], pods: PodSet, readings: Readings) -> Load | None:
    """Return the load that is forecast: requests if they are gone by, else cpu; None if it is neither."""
    for place, metric in enumerate(metrics):
        if metric.requests is not None:
            goal = metric.requests
            room = milli(goal.average) if goal.capacity is None else milli(goal.capacity) * FULL
            return Load(place, Signal.REQUESTS, _total(readings.signal(Signal.REQUESTS, pods)), room / MILLI)
    for place, metric in enumerate(metrics):
        if metric.cpu is not None and (room := _cpu_room(metric, pods)):
            used = readings.resource(CPU, metric.cpu.container, pods)
            return Load(place, Signal.CPU, _total(used), room / MILLI)
    return None


def _cpu_room(metric: PolicyMetric, pods: PodSet) -> float:
    """Return how much of a core, in thousandths, a pod may use; 0 if that is not known."""
    goal = metric.cpu
    if goal is None or not pods:
        return 0.0
    if goal.average is not None:
        return milli(goal.average)
    try:
        requested = sum(pods.requests(CPU, goal.container).values()) / len(pods)
    except NoProposalError:
        return 0.0
    return requested * max(goal.percent, goal.capacity * FULL) / 100


def _total(used: dict[str, Sample] | Missing) -> float:
    if isinstance(used, Missing) or not used:
        return math.nan
    return math.fsum(each.amount for each in used.values()) / MILLI


def startup_seconds(pods: Sequence[Pod]) -> float | None:
    """Return how long pods take from being made to being ready: the median of those that are, None if none is."""
    took: list[float] = []
    for pod in pods:
        ready = find_condition(pod.status.conditions, "Ready")
        if ready is not None and ready.is_true and ready.last_transition_time and pod.metadata.creation_timestamp:
            took.append(parse_time(ready.last_transition_time) - parse_time(pod.metadata.creation_timestamp))
    return min(max(sorted(took)[len(took) // 2], _LEAST_START), _MOST_START) if took else None


class Growing:
    """One load as it grows, and what it was said to become."""

    def __init__(self, load: Load, startup: float, step: int) -> None:
        """Begin with what arrives in the step after `step`."""
        self._scale, self._startup, self.signal = load.scale, startup, load.signal
        self._tolerances = _PRUDENCE.tolerances(startup)
        self._horizon = math.ceil((startup + LAG_SECONDS) / STEP_SECONDS) + 1
        self._learned = GrowthForecast(self._horizon, _PRUDENCE.quantile)
        self._forecast: GrowthForecast | Followed = self._learned
        self._said: deque[float] = deque(maxlen=self._horizon)
        self.step = step

    def observe(self, total: float, step: int) -> None:
        """Take in what the load is in a step; steps that were passed over were as the one before them."""
        for _ in range(step - self.step - 1):
            self._forecast.observe(math.nan)
        if step > self.step:
            self._forecast.observe(total * self._scale)
            self.step = step

    def follow(self, course: NDArray[np.float64]) -> None:
        """Know beforehand what the load will be in each of the next steps, as a replay does: that takes less time."""
        self._forecast = Followed(self._learned, course * self._scale)

    def fits(self, load: Load, startup: float, step: int) -> bool:
        """Tell whether it is a forecast of this load, for pods that take so long to start, without too long a gap."""
        alike = 1 / _OTHER < startup / self._startup < _OTHER
        return alike and load.signal is self.signal and 0 <= step - self.step <= MOST_GAP_STEPS

    def outlook(self, per_pod: float) -> Outlook:
        """Return how many pods what is coming needs."""
        forecast = self._forecast.forecast()
        surprised = forecast.is_novel or forecast.level > min(self._said, default=math.inf)
        self._said.append(forecast.upper)
        return Outlook(_PRUDENCE.replicas(forecast, per_pod * self._scale), surprised, self._tolerances)
