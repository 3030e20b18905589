"""How many replicas a ScalePolicy in its usual mode wants: by the forecast, and by use where more comes.

The forecast (`autoscaler.outlook`), the rule of use (`scaling.usage`) and the limits (`scaling.limits`) are the
autoscaler's own; here they are fed with what a replay's application serves.
"""

from __future__ import annotations

import math

from kubewright.autoscaler.outlook import LAG_SECONDS, Growing, Load
from kubewright.replay.workload import Application
from kubewright.scaling.limits import Bounds, History, limit
from kubewright.scaling.queueing import FULL, STEP_SECONDS, Seen, seen_late
from kubewright.scaling.usage import Tolerances, by_ratio
from kubewright.series.protocol import Signal

TARGET = 0.7
"""Of use, where more comes than was forecast."""
_MOST = 10_000


class Foreseeing:
    """One application's policy."""

    def __init__(self, application: Application) -> None:
        self._least, self._room = application.replicas, application.rate_per_pod * FULL
        self._step = -len(application.history) - 1
        load = Load(0, Signal.REQUESTS, math.nan, self._room)
        self._growing = Growing(load, application.startup_seconds, self._step)
        self._history, self._tolerances = History(), Tolerances()
        for arrived in application.history.tolist():
            self._observe(arrived)
        self._growing.follow(seen_late(application.load, LAG_SECONDS) / STEP_SECONDS)

    def _observe(self, arrived: float) -> None:
        self._step += 1
        self._growing.observe(arrived / STEP_SECONDS, self._step)

    def replicas(self, seen: Seen) -> int:
        """Return the number that is wanted."""
        self._observe(seen.arrived)
        outlook = self._growing.outlook(self._room)
        by_use = by_ratio(seen.replicas, seen.ready, seen.utilization / TARGET, self._tolerances)
        bounds = Bounds(seen.replicas, self._least, _MOST, None)
        history = self._history.begun(seen.replicas, seen.now)
        limited = limit(outlook.over(by_use, seen.replicas), bounds, history, seen.now)
        self._history = limited.history
        return limited.replicas
