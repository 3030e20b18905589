"""The one way to ask for measurements, and what comes back.

Rollouts, scaling, sizing and healing ask a `MetricSource`. Implementations: `PrometheusSource` for any store that
speaks PromQL, `ResourceSource` on `metrics.k8s.io`, and the twin's own under virtual time.

What was not measured is a `Missing`, which says why. It is never zero, and a pod without a sample is not in the
answer: whoever decides must say what that means for it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from kubewright.api.meta import ObjectKey

NAMESPACE = "namespace"
POD = "pod"
CONTAINER = "container"
CLAIM = "persistentvolumeclaim"
BOUND = "le"
"""The label of a latency bucket: its upper bound in seconds, `+Inf` for all requests."""


class Signal(enum.Enum):
    """What can be asked of pods; rates and shares are means over the query's window."""

    CPU = "cpu cores"
    MEMORY = "memory working set, bytes"
    REQUESTS = "requests a second"
    ERRORS = "requests that failed, a second"
    LATENCY = "requests a second no slower than each bound"
    """Buckets: one sample for each pod and bound. `windows.quantile` and `windows.share_within` read them."""
    GPU = "share of its GPUs' time in use"
    GPU_MEMORY = "the most memory in use of any of its GPUs, bytes"
    CONTAINER_CPU = "cpu cores of each container"
    CONTAINER_MEMORY = "the most memory working set of each container, bytes"
    """These two have one sample for each container, labelled with its name."""
    VOLUMES = "share of each claim that is in use, as it is now"
    """One sample for each claim that a pod has mounted, labelled with its name and no pod's."""


@dataclass(frozen=True, slots=True)
class PodQuery:
    """One signal of all pods, or of those of a namespace: many applications are asked for at once."""

    signal: Signal
    window_seconds: float = 60.0
    namespace: str = ""
    names: str = ""
    """A regular expression (RE2) of pods' names; a source that cannot choose by names answers for more."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Somebody's own PromQL; only a store that speaks it can answer."""

    promql: str


Query: TypeAlias = PodQuery | Expression


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in seconds since 1970, and how far apart the points are."""

    start: float
    end: float
    step_seconds: float


class Sample(NamedTuple):
    """A finite value, and the moment that it speaks of, in seconds since 1970.

    A tuple, since there are a hundred thousand in an answer, which a dataclass would take three times as long for.
    """

    labels: Mapping[str, str]
    value: float
    at: float

    @property
    def pod(self) -> ObjectKey:
        """Return which pod it is about; the empty key if it does not say."""
        return _pod_of(self.labels)


@dataclass(frozen=True, slots=True)
class Series:
    """The finite values of one label set over a span, the earliest first: `(seconds since 1970, value)`."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def pod(self) -> ObjectKey:
        """Return which pod it is about; the empty key if it does not say."""
        return _pod_of(self.labels)


class Why(enum.Enum):
    """Why there is no measurement."""

    NO_DATA = "nothing was measured"
    STALE = "the last measurement is too old"
    INVALID = "the question cannot be answered"
    """It does not parse, or the store refuses it: asking again will not help."""
    UNSUPPORTED = "this source does not know it"
    UNAVAILABLE = "the source did not answer"


@dataclass(frozen=True, slots=True)
class Missing:
    """No measurement, and why."""

    why: Why
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.why.value}: {self.detail}" if self.detail else self.why.value


@dataclass(frozen=True, slots=True)
class Vector:
    """What a question found at one moment, which was at least one sample."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = field(default=())
    """What the store has to say: a part of it did not answer, a range was cut."""

    def by_pod(self) -> dict[ObjectKey, Sample]:
        """Return the samples by pod; for a signal that has one a pod."""
        return {sample.pod: sample for sample in self.samples}

    def single(self) -> float | Missing:
        """Return the value of a question that must have one answer."""
        if len(self.samples) == 1:
            return self.samples[0].value
        return Missing(Why.INVALID, f"{len(self.samples)} series where one is needed: aggregate them")


class MetricSource(Protocol):
    """Where measurements come from. It answers `Missing` and raises nothing."""

    async def instant(self, query: Query) -> Vector | Missing:
        """Return what is so now."""
        ...

    async def range(self, query: Query, span: Span) -> tuple[Series, ...] | Missing:
        """Return what was so over a span; never empty."""
        ...


def _pod_of(labels: Mapping[str, str]) -> ObjectKey:
    return ObjectKey(labels.get(NAMESPACE, ""), labels.get(POD, ""))
