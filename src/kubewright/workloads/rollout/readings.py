"""What was measured of the new pods and of the old ones, over a long and a short window."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.meta import ObjectKey
from kubewright.series.protocol import Missing, Signal, Vector, Why
from kubewright.series.windows import Buckets, Total, buckets, total

LONG_SECONDS, SHORT_SECONDS = 300.0, 60.0
"""Both must burn: the long window tells that it matters, the short one that it goes on."""
WINDOWS = (LONG_SECONDS, SHORT_SECONDS)
Answers: TypeAlias = Mapping[tuple[Signal, float], Vector | Missing]
"""What a source said, by signal and window."""


@dataclass(frozen=True, slots=True)
class Served:
    """What some pods served over a window."""

    window_seconds: float
    """As much of it as they have lived."""
    requests: Total | Missing
    errors: Total | Missing
    latency: Buckets | Missing

    @property
    def count(self) -> float | Missing:
        """Return how many requests they took."""
        return self.requests if isinstance(self.requests, Missing) else self.requests.value * self.window_seconds

    @property
    def error_ratio(self) -> float | Missing:
        """Return the share of requests that failed; without any it is Missing."""
        if isinstance(self.requests, Missing):
            return self.requests
        if self.requests.value <= 0:
            return Missing(Why.NO_DATA, "no requests")
        # A pod that never failed a request has no series of errors: that is none, not unknown.
        errors = 0.0 if isinstance(self.errors, Missing) else self.errors.value
        return min(1.0, errors / self.requests.value)


def served(answers: Answers, pods: Collection[ObjectKey], window_seconds: float, age_seconds: float) -> Served:
    """Pick out of a namespace's measurements what pods of at most this age served."""
    lived = max(1.0, min(window_seconds, age_seconds))

    def of(signal: Signal) -> Vector | Missing:
        return answers.get((signal, window_seconds), Missing(Why.NO_DATA, "not asked for"))

    return Served(
        lived, total(of(Signal.REQUESTS), pods), total(of(Signal.ERRORS), pods), buckets(of(Signal.LATENCY), pods)
    )
