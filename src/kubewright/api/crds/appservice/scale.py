"""How many pods, how they stay available, where they run, and which GPUs they get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from kubewright.api.crds.appservice.container import NOT_EMPTY
from kubewright.api.crds.scalepolicy import PREDICTIVE, REACTIVE, RECOMMEND, Fallback, PolicyMetric, ScaleSchedule
from kubewright.api.crds.scalepolicy.metrics import WAKES
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, Leaf
from kubewright.api.quantity import Quantity

_OF_POLICIES = ("mode", "metrics", "schedules", "fallback", "rolloutMin")
_COUNT = {"format": "int32", "minimum": 1}
_SECONDS = {"format": "int32", "minimum": 0, "maximum": 3600}
_PERCENT = {"format": "int32", "minimum": 1, "maximum": 100}
_FEW = {"maxItems": 32}
_SPREAD = {"enum": ["preferred", "required", "none"]}
_MIG_SIZES = {
    "1g": "5gb 6gb 10gb 12gb 18gb 20gb 23gb 24gb 35gb 45gb",
    "2g": "10gb 12gb 20gb 24gb 35gb 45gb",
    "3g": "20gb 40gb 47gb 48gb 71gb 90gb",
    "4g": "20gb 24gb 40gb 47gb 48gb 71gb 90gb",
    "7g": "40gb 80gb 94gb 96gb 141gb 180gb",
}
_MEDIA = "1g.5gb 1g.6gb 1g.10gb 1g.12gb 1g.18gb 1g.23gb 2g.12gb"
MIG_PROFILES: tuple[str, ...] = (
    *(f"{slices}.{size}" for slices, sizes in _MIG_SIZES.items() for size in sizes.split()),
    *(f"{profile}+me" for profile in _MEDIA.split()),
)
"""The MIG profiles that A30, A100, H100, H200, GH200 and B200 have (NVIDIA's MIG user guide)."""


class Target(Leaf, frozen=True):
    """What the autoscaler keeps: an average over the pods."""

    metric: Annotated[
        str,
        described("cpu, memory, or a metric of the pods by its name.", {"maxLength": 253} | NOT_EMPTY, required=True),
    ] = ""
    percent: Annotated[int, described("Of what the pods request; for cpu and memory.", {"minimum": 1})] = 0
    average: Annotated[Quantity | None, described("As an amount for each pod.")] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.percent) != has(self.average)",
            "a target is a percent of what is requested, or an average amount: say one of the two",
        ),
        Rule(
            "!has(self.percent) || self.metric in ['cpu', 'memory']",
            "only cpu and memory are requested, so only they have a percent: say average",
            ".percent",
        ),
    )


class AppServiceScaling(Leaf, frozen=True):
    """Between how many pods an autoscaler chooses, and what it goes by. Without targets: 70 % of the requested CPU.

    A HorizontalPodAutoscaler does it, unless something is said that only a ScalePolicy can.
    """

    min: Annotated[
        int,
        described(
            "At least so many pods; 0 needs a metric that wakes it: queue or promql.",
            _COUNT | {"minimum": 0},
            publish_default=True,
        ),
    ] = 1
    max: Annotated[int, described("At most so many pods.", _COUNT, required=True)] = 0
    targets: Annotated[tuple[Target, ...], described("What to go by.", _FEW, list_map_keys=("metric",))] = ()
    down_after_seconds: Annotated[
        int, described("How long less must suffice before there are fewer pods; 300 by default.", _SECONDS)
    ] = 300
    mode: Annotated[
        str,
        described(
            "How a ScalePolicy decides; predictive has pods ready for what is coming, once a week of load is known.",
            {"enum": [REACTIVE, PREDICTIVE, RECOMMEND]},
        ),
    ] = ""
    metrics: Annotated[
        tuple[PolicyMetric, ...],
        described("What a ScalePolicy goes by, besides targets.", {"maxItems": 8}, atomic=True),
    ] = ()
    schedules: Annotated[
        tuple[ScaleSchedule, ...],
        described("Other bounds at other times.", {"maxItems": 16}, list_map_keys=("name",)),
    ] = ()
    fallback: Annotated[Fallback | None, described("What is done when metrics fail.")] = None
    rollout_min: Annotated[int, described("At least so many pods while pods of two revisions run.", _COUNT)] = 0

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.min <= self.max", "min is at most max: raise max or lower min", ".min"),
        Rule(
            f"self.min > 0 || (has(self.metrics) && self.metrics.exists(each, {WAKES}))",
            "without pods nothing is measured of them: say what wakes the application, a metric queue or promql, "
            "or let min be 1",
            ".min",
        ),
        Rule(
            f"!({' || '.join(f'has(self.{field})' for field in _OF_POLICIES)}) || !has(self.targets) || "
            "self.targets.all(each, each.metric in ['cpu', 'memory'])",
            "a ScalePolicy asks Prometheus, not an adapter: say a metric requests or promql in its place",
            ".targets",
        ),
    )

    @property
    def by_policy(self) -> bool:
        """Whether something is said that only a ScalePolicy can do."""
        return bool(self.mode or self.metrics or self.schedules or self.fallback or self.rollout_min)


class AppServiceAvailability(Leaf, frozen=True):
    """How much of the application stays up when nodes are drained or fail."""

    max_unavailable: Annotated[int | str, described("So many pods, or percent, may be down; 1 by default.")] = ""
    min_available: Annotated[int | str, described("So many pods, or percent, stay up.")] = ""
    zones: Annotated[str, described("Whether pods are spread over zones.", _SPREAD, publish_default=True)] = "preferred"
    nodes: Annotated[str, described("Whether pods are spread over nodes.", _SPREAD, publish_default=True)] = "preferred"

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!(has(self.minAvailable) && has(self.maxUnavailable))",
            "a budget is what stays up or what may be down: keep one of minAvailable and maxUnavailable",
            ".minAvailable",
        ),
    )


class NodeRule(Leaf, frozen=True):
    """What a node's label must be."""

    key: Annotated[str, described("The label.", NOT_EMPTY, required=True)] = ""
    operator: Annotated[
        str,
        described(
            "How values are meant.",
            {"enum": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]},
            publish_default=True,
        ),
    ] = "In"
    values: Annotated[tuple[str, ...], described("The values.", {"maxItems": 64}, atomic=True)] = ()
    weight: Annotated[int, described("How much it is wished for; without one it must hold.", _PERCENT)] = 0

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(self.operator in ['Exists', 'DoesNotExist']) == (!has(self.values) || self.values.size() == 0)",
            "Exists and DoesNotExist have no values, all other operators have some",
            ".values",
        ),
    )


class Company(Leaf, frozen=True):
    """Other applications to be near to, or away from."""

    app: Annotated[str, described("An AppService's name; the application itself by default.")] = ""
    labels: Annotated[Mapping[str, str], described("Or pods with these labels.")] = EMPTY
    topology: Annotated[str, described("What they share: a node's label.", publish_default=True)] = (
        "kubernetes.io/hostname"
    )
    required: Annotated[bool, described("Whether to wait rather than go elsewhere.")] = False


class AppToleration(Leaf, frozen=True):
    """A taint that the pods put up with."""

    key: Annotated[str, described("The taint's key; all without one.")] = ""
    operator: Annotated[str, described("Equal or Exists.", {"enum": ["Equal", "Exists"]}, publish_default=True)] = (
        "Equal"
    )
    value: Annotated[str, described("The taint's value.")] = ""
    effect: Annotated[
        str,
        described("The taint's effect; all without one.", {"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]}),
    ] = ""
    toleration_seconds: Annotated[int | None, described("For how long, of NoExecute.", {"format": "int64"})] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.operator != 'Exists' || !has(self.value)",
            "Exists looks at the key alone: remove value, or say Equal",
            ".value",
        ),
        Rule(
            "has(self.key) || self.operator == 'Exists'",
            "a toleration without a key is for all taints: say operator Exists, or name a key",
            ".key",
        ),
    )


class AppServicePlacement(Leaf, frozen=True):
    """Where the pods may run."""

    node_selector: Annotated[Mapping[str, str], described("Labels that a node must have.")] = EMPTY
    nodes: Annotated[tuple[NodeRule, ...], described("What else a node must or should be.", _FEW, atomic=True)] = ()
    near: Annotated[tuple[Company, ...], described("Pods to be near to.", _FEW, atomic=True)] = ()
    apart: Annotated[tuple[Company, ...], described("Pods to be away from.", _FEW, atomic=True)] = ()
    tolerations: Annotated[tuple[AppToleration, ...], described("Taints to put up with.", _FEW, atomic=True)] = ()
    priority_class: Annotated[str, described("The PriorityClass.")] = ""
    scheduler: Annotated[str, described("The scheduler; the cluster's default by default.")] = ""


class GpuShare(Leaf, frozen=True):
    """A part of one GPU; with neither, a time slice."""

    memory: Annotated[Quantity | None, described("So much of its memory.")] = None
    percent: Annotated[int, described("So much of its cores.", _PERCENT)] = 0


class AppServiceGpu(Leaf, frozen=True):
    """GPUs for each pod: whole ones, MIG instances, or a share of one."""

    count: Annotated[int, described("How many; 1 by default.", _COUNT | {"maximum": 64})] = 1
    mig: Annotated[str, described("Instances of this MIG profile instead of whole GPUs.", {"maxLength": 16})] = ""
    share: Annotated[GpuShare | None, described("A share of one GPU.")] = None
    model: Annotated[str, described("The product that a node's label nvidia.com/gpu.product names.")] = ""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"!has(self.mig) || self.mig in {list(MIG_PROFILES)}",
            "no GPU has this MIG profile; those of an 80 GB A100 or H100 are 1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, "
            "4g.40gb and 7g.80gb",
            ".mig",
        ),
        Rule(
            "!has(self.share) || (!has(self.mig) && !has(self.count))",
            "a share is of one whole GPU: remove mig and count, or share",
            ".share",
        ),
    )
