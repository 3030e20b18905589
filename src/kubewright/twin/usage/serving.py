"""What a share of a load does to the pod that takes it: requests, errors, latency, cpu and traffic.

Capacity is the cpu that the pod has left divided by what a request costs. Up to there the median latency grows as a
queue's does, beyond it requests fail. Each rate is computed at the load's knots, so its integral, a counter, is exact;
and as buckets, errors and sums come from the same knots, a histogram always adds up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from kubewright.twin.usage.profile import Load

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds, those that client libraries have by default; +Inf is every request."""
TIMEOUT_SECONDS = 10.0
"""How long a request waits that is not served at all."""
_BUSIEST = 0.98
_SPREAD = 0.6
"""Standard deviation of the logarithm of latencies."""
_MEAN_BY_MEDIAN = math.exp(_SPREAD**2 / 2)


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted; everything only grows."""

    succeeded: float = 0.0
    failed: float = 0.0
    cpu_seconds: float = 0.0
    starved_seconds: float = 0.0
    """Cpu that was wanted and not had."""
    received_bytes: float = 0.0
    sent_bytes: float = 0.0
    latency_seconds: float = 0.0
    """The sum over all requests."""
    buckets: tuple[float, ...] = (0.0,) * len(BUCKETS)
    """Requests that took no longer than each bound."""

    def __add__(self, other: Totals) -> Totals:
        return self._with(other, lambda mine, theirs: mine + theirs)

    def __sub__(self, other: Totals) -> Totals:
        return self._with(other, lambda mine, theirs: max(0.0, mine - theirs))

    @property
    def requests(self) -> float:
        """Return all requests."""
        return self.succeeded + self.failed

    def scaled(self, factor: float) -> Totals:
        """Return so many times as much of everything."""
        return self._with(self, lambda mine, _: mine * factor)

    def _with(self, other: Totals, change: Callable[[float, float], float]) -> Totals:
        return Totals(
            change(self.succeeded, other.succeeded),
            change(self.failed, other.failed),
            change(self.cpu_seconds, other.cpu_seconds),
            change(self.starved_seconds, other.starved_seconds),
            change(self.received_bytes, other.received_bytes),
            change(self.sent_bytes, other.sent_bytes),
            change(self.latency_seconds, other.latency_seconds),
            tuple(map(change, self.buckets, other.buckets)),
        )


NO_TOTALS = Totals()


@dataclass(frozen=True, slots=True)
class Serving:
    """One of `pods` pods that share a load evenly; `cores` is what it can spend on requests.

    Its rates are linear between those at the load's knots, by definition; `origin` is when the load began, if it is not
    daily.
    """

    load: Load
    pods: int
    cores: float

    def between(self, start: float, end: float, origin: float) -> Totals:
        """Return what is counted from one moment to another."""
        found = NO_TOTALS
        for knot, seconds in self.load.total.weights(start, end, origin).items():
            found += self._rates(self.load.total.values[knot]).scaled(seconds)
        return found

    def cpu_seconds(self, start: float, end: float, origin: float) -> float:
        """Return the cpu that requests cost from one moment to another."""
        total = self.load.total
        weights = total.weights(start, end, origin).items()
        return sum(seconds * self._served(total.values[knot] / self.pods) for knot, seconds in weights) * self._cost

    def cpu_cores(self, now: float, origin: float) -> float:
        """Return the cpu that requests cost at a moment."""
        return self._served(self.load.total.value(now, origin) / self.pods) * self._cost

    @property
    def _cost(self) -> float:
        return self.load.cpu_seconds

    @property
    def _capacity(self) -> float:
        """Return the requests a second that it can serve."""
        return self.cores / self._cost if self._cost else math.inf

    def _served(self, requests: float) -> float:
        return min(requests, self._capacity)

    def _rates(self, total: float) -> Totals:
        """Return what is counted in a second while the whole app gets `total` requests a second."""
        load, requests = self.load, total / self.pods
        served, capacity = self._served(requests), self._capacity
        lost = requests - served
        failed = served * load.error_ratio + lost
        median = load.latency_seconds * slowdown(requests / capacity if capacity else 1.0)
        return Totals(
            succeeded=requests - failed,
            failed=failed,
            cpu_seconds=served * load.cpu_seconds,
            starved_seconds=lost * load.cpu_seconds,
            received_bytes=requests * load.request_bytes,
            sent_bytes=served * load.response_bytes,
            latency_seconds=served * median * _MEAN_BY_MEDIAN + lost * TIMEOUT_SECONDS,
            buckets=tuple(served * _within(bound, median) for bound in BUCKETS),
        )


def slowdown(utilisation: float) -> float:
    """Return how much longer requests take than at rest: a queue's wait, which explodes towards full use."""
    busy = min(utilisation, _BUSIEST)
    return 1.0 + busy * busy / (1.0 - busy)


def _within(bound: float, median: float) -> float:
    """Return the share of a lognormal with this median below a bound."""
    if median <= 0:
        return 1.0
    return 0.5 * (1.0 + math.erf(math.log(bound / median) / (_SPREAD * math.sqrt(2.0))))
