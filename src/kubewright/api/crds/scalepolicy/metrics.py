"""What a ScalePolicy goes by: one metric is one of seven kinds, each with what is aimed at."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.described import Rule, described
from kubewright.api.meta import Leaf
from kubewright.api.quantity import Quantity

AMOUNT = {"pattern": r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$", "maxLength": 32}
KINDS = ("cpu", "memory", "requests", "latency", "gpu", "queue", "promql")
WAKES = "has(each.queue) || (has(each.promql) && !has(each.promql.perPod))"
"""In CEL: whether a metric can be measured while there are no pods."""
_OF_REQUEST = {"format": "int32", "minimum": 1, "maximum": 10_000}
_SHARE = {"format": "int32", "minimum": 1, "maximum": 100}
_QUERY = {"minLength": 1, "maxLength": 4096}


def above_zero(field: str) -> Rule:
    """Return the rule that an amount is not zero: nothing could be aimed at by it."""
    digits = f"self.{field}.matches('^[0-9.]*[1-9]')"
    return Rule(
        f"!has(self.{field}) || (type(self.{field}) == int ? self.{field} > 0 : {digits})",
        f"no number of pods brings a metric to zero: let {field} be above 0",
        f".{field}",
    )


def not_negative(field: str) -> Rule:
    """Return the rule that an amount which is written as a number is not below zero; text cannot be."""
    return Rule(
        f"!has(self.{field}) || type(self.{field}) != int || self.{field} >= 0",
        f"{field} is an amount: let it be 0 or above",
        f".{field}",
    )


class ResourceGoal(Leaf, frozen=True):
    """The use of cpu or memory, by whole pods or by one container of each."""

    percent: Annotated[int, described("Of what the pods request.", _OF_REQUEST)] = 0
    average: Annotated[Quantity | None, described("As an amount for each pod.", AMOUNT)] = None
    container: Annotated[str, described("Only what this container of each pod uses.", {"maxLength": 63})] = ""
    capacity: Annotated[
        int,
        described(
            "Up to which percent of what is requested a forecast may plan; 100 by default, never less than percent.",
            _OF_REQUEST,
        ),
    ] = 100

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("has(self.percent) != has(self.average)", "say what is aimed at: percent or average, one of the two"),
        above_zero("average"),
    )


class RequestsGoal(Leaf, frozen=True):
    """The requests that pods serve."""

    average: Annotated[Quantity, described("So many a second for each pod.", AMOUNT, required=True)] = 0
    capacity: Annotated[
        Quantity | None, described("How many a pod can serve at most, up to which a forecast may plan.", AMOUNT)
    ] = None

    RULES: ClassVar[tuple[Rule, ...]] = (above_zero("average"), above_zero("capacity"))


class LatencyGoal(Leaf, frozen=True):
    """How long requests take."""

    milliseconds: Annotated[
        int, described("What the percentile is to be.", {"format": "int32", "minimum": 1}, required=True)
    ] = 0
    percentile: Annotated[
        int,
        described("Of all requests.", {"format": "int32", "minimum": 1, "maximum": 99}, publish_default=True),
    ] = 95


class GpuGoal(Leaf, frozen=True):
    """The use of the pods' GPUs."""

    percent: Annotated[int, described("The share of their time in use.", _SHARE, required=True)] = 0


class QueueGoal(Leaf, frozen=True):
    """Work that waits: it also wakes a workload that has no pods."""

    query: Annotated[str, described("PromQL for how much waits: one number.", _QUERY, required=True)] = ""
    average: Annotated[Quantity, described("So much for each pod.", AMOUNT, required=True)] = 0
    activation: Annotated[
        Quantity, described("Up to so much is left waiting while there are no pods; 0 by default.", AMOUNT)
    ] = 0

    RULES: ClassVar[tuple[Rule, ...]] = (above_zero("average"), not_negative("activation"))


class QueryGoal(Leaf, frozen=True):
    """Whatever PromQL can say."""

    query: Annotated[str, described("An expression: one number, or with perPod one a pod.", _QUERY, required=True)] = ""
    average: Annotated[Quantity | None, described("The number divided by the pods is to be this.", AMOUNT)] = None
    value: Annotated[Quantity | None, described("The number itself is to be this; more pods lower it.", AMOUNT)] = None
    per_pod: Annotated[
        Quantity | None,
        described("The mean over the pods is to be this; series bear the labels namespace and pod.", AMOUNT),
    ] = None
    activation: Annotated[
        Quantity, described("Up to this the number does not wake a workload without pods; 0 by default.", AMOUNT)
    ] = 0

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.average), has(self.value), has(self.perPod)].filter(each, each).size() == 1",
            "say what is aimed at: one of average, value and perPod",
        ),
        *(above_zero(field) for field in ("average", "value", "perPod")),
        not_negative("activation"),
    )


class PolicyMetric(Leaf, frozen=True):
    """One thing to go by. Of several metrics that which asks for the most pods decides."""

    cpu: Annotated[ResourceGoal | None, described("The use of cpu.")] = None
    memory: Annotated[ResourceGoal | None, described("The use of memory.")] = None
    requests: Annotated[RequestsGoal | None, described("Requests a second.")] = None
    latency: Annotated[LatencyGoal | None, described("How long requests take.")] = None
    gpu: Annotated[GpuGoal | None, described("The use of GPUs.")] = None
    queue: Annotated[QueueGoal | None, described("Work that waits.")] = None
    promql: Annotated[QueryGoal | None, described("Anything else that Prometheus knows.")] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}].filter(each, each).size() == 1",
            f"a metric is one of {', '.join(KINDS[:-1])} and {KINDS[-1]}: keep one, make others metrics of their own",
        ),
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return which kinds it names; one, if it is as it should be."""
        goals = (self.cpu, self.memory, self.requests, self.latency, self.gpu, self.queue, self.promql)
        return tuple([kind for kind, goal in zip(KINDS, goals, strict=True) if goal is not None])

    @property
    def kind(self) -> str:
        """Return the first of its kinds."""
        for kind in KINDS:
            if getattr(self, kind) is not None:
                return kind
        return ""

    @property
    def wakes(self) -> bool:
        """Whether it can be measured while there are no pods."""
        return self.queue is not None or (self.promql is not None and self.promql.per_pod is None)
