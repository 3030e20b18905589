"""HorizontalPodAutoscalers (`autoscaling/v2`), the Scale that they write, and the usage that they read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kubewright.api.conditions import Condition
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.quantity import Quantity
from kubewright.api.selectors import LabelSelector


class ScaleSpec(Leaf, frozen=True):
    """How many pods are wanted."""

    replicas: int = 0


class ScaleStatus(Leaf, frozen=True):
    """How many there are, and the selector that finds them, as text."""

    replicas: int = 0
    selector: str = ""


class Scale(KubeObject, frozen=True, kw_only=True):
    """The `scale` of a workload of whatever kind (`autoscaling/v1`)."""

    spec: ScaleSpec = ScaleSpec()
    status: ScaleStatus = ScaleStatus()


class TargetReference(Leaf, frozen=True):
    """An object of the autoscaler's namespace."""

    api_version: str = ""
    kind: str = ""
    name: str = ""


class MetricTarget(Leaf, frozen=True):
    """What a metric should be: a share of what is requested in per cent, an amount for each pod, or one in all."""

    type: str = ""
    average_utilization: int | None = None
    average_value: Quantity | None = None
    value: Quantity | None = None


class ResourceMetric(Leaf, frozen=True):
    """The use of a resource by the pods, or by one container of each."""

    name: str = ""
    container: str = ""
    target: MetricTarget = MetricTarget()


class MetricIdentifier(Leaf, frozen=True):
    """A metric that an adapter serves."""

    name: str = ""
    selector: LabelSelector | None = None


class NamedMetric(Leaf, frozen=True):
    """A metric of the pods, of another object, or of something outside of the cluster."""

    metric: MetricIdentifier = MetricIdentifier()
    target: MetricTarget = MetricTarget()
    described_object: TargetReference = TargetReference()


class MetricSpec(Leaf, frozen=True):
    """One metric; `type` says which of the five is given."""

    type: str = ""
    resource: ResourceMetric = ResourceMetric()
    container_resource: ResourceMetric = ResourceMetric()
    pods: NamedMetric = NamedMetric()
    object_: NamedMetric = msgspec.field(default=NamedMetric(), name="object")
    external: NamedMetric = NamedMetric()


class ScalingPolicy(Leaf, frozen=True):
    """By how much may be scaled within a period: a number of Pods, or a Percent of them."""

    type: str = ""
    value: int = 0
    period_seconds: int = 0


class ScalingRules(Leaf, frozen=True):
    """How fast, how soon, and from which difference on may be scaled in one direction."""

    stabilization_window_seconds: int | None = None
    select_policy: str = "Max"
    policies: tuple[ScalingPolicy, ...] = ()
    tolerance: Quantity | None = None


class ScalingBehavior(Leaf, frozen=True):
    """The rules of both directions."""

    scale_up: ScalingRules = ScalingRules()
    scale_down: ScalingRules = ScalingRules()


class AutoscalerSpec(Leaf, frozen=True):
    """What is scaled, by what, between which bounds."""

    scale_target_ref: TargetReference = TargetReference()
    min_replicas: int = 1
    max_replicas: int = 0
    metrics: tuple[MetricSpec, ...] = ()
    behavior: ScalingBehavior | None = None


class AutoscalerStatus(Leaf, frozen=True):
    """What was last seen and decided."""

    observed_generation: int | None = None
    last_scale_time: str | None = None
    current_replicas: int = 0
    desired_replicas: int = 0
    current_metrics: tuple[Mapping[str, Any], ...] | None = None
    conditions: tuple[Condition, ...] = ()


class HorizontalPodAutoscaler(KubeObject, frozen=True, kw_only=True):
    """An autoscaler."""

    spec: AutoscalerSpec = AutoscalerSpec()
    status: AutoscalerStatus = AutoscalerStatus()


class ContainerMetrics(Leaf, frozen=True):
    """What one container uses."""

    name: str = ""
    usage: Mapping[str, Quantity] = EMPTY


class PodMetrics(KubeObject, frozen=True, kw_only=True):
    """What a pod's containers used in the `window` (as Go writes durations) before the `timestamp`."""

    timestamp: str = ""
    window: str = "0s"
    containers: tuple[ContainerMetrics, ...] = ()


AUTOSCALERS: Resource[HorizontalPodAutoscaler] = Resource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", HorizontalPodAutoscaler
)
POD_METRICS: Resource[PodMetrics] = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", PodMetrics)
