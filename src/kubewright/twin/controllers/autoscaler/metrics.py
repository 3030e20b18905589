"""What each metric of an autoscaler asks for, as a proposal with a status, or as a failure with a reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from kubewright.api.autoscaling import HorizontalPodAutoscaler, MetricSpec, PodMetrics, ResourceMetric
from kubewright.api.meta import Manifest
from kubewright.api.quantity import format_quantity, milli
from kubewright.api.resources import MEMORY
from kubewright.scaling.podset import NoProposalError
from kubewright.scaling.turn import Ask, Failed, Measured
from kubewright.scaling.usage import (
    Pool,
    Proposal,
    by_average,
    by_utilization,
    samples,
)
from kubewright.twin.controllers.selectortext import go_selector

_NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
_NO_EXTERNAL = "unable to fetch metrics from external metrics API: the server could not find the requested resource"
_MILLI = 1000


def asking(autoscaler: HorizontalPodAutoscaler, use: Sequence[PodMetrics] | str) -> Ask:
    """Return what works out an autoscaler's metrics. `use` is what `measure` takes."""
    namespace = autoscaler.metadata.namespace
    return lambda pool: [measure(metric, pool, use, namespace) for metric in autoscaler.spec.metrics]


def measure(spec: MetricSpec, pool: Pool, use: Sequence[PodMetrics] | str, namespace: str) -> Measured | Failed:
    """Work out one metric. `use` is what the resource metrics API says of the pods, or why it says nothing.

    Metrics that an adapter would have to serve fail as they do on a cluster that has none.
    """
    match spec.type:
        case "Resource":
            return _resource(spec.resource, pool, use, whole=True)
        case "ContainerResource":
            return _resource(spec.container_resource, pool, use, whole=False)
        case "Pods":
            problem = f"unable to get metric {spec.pods.metric.name}: {_NO_CUSTOM}"
            return Failed("FailedGetPodsMetric", problem, f"failed to get pods metric value: {problem}")
        case "Object":
            return _object(spec, namespace)
        case "External":
            return _external(spec, namespace)
        case _:
            problem = f'unknown metric source type "{spec.type}"'
            return Failed("InvalidMetricSourceType", problem, problem)


def _resource(metric: ResourceMetric, pool: Pool, use: Sequence[PodMetrics] | str, *, whole: bool) -> Measured | Failed:
    name, target = metric.name, metric.target
    wanted_share = target.average_utilization if target.average_value is None else None
    try:
        proposal = _proposal(metric, pool, use)
    except NoProposalError as error:
        what = "usage" if wanted_share is None else "utilization"
        reason = "FailedGetResourceMetric" if whole else "FailedGetContainerResourceMetric"
        problem = f"failed to get {name} {what}: {error}"
        kind = f"{name} resource" if whole else f"{metric.container} container"
        return Failed(reason, problem, f"failed to get {kind} metric value: {problem}")
    amount = Fraction(proposal.average, _MILLI)
    current: Manifest = {"averageValue": format_quantity(amount, "BinarySI" if name == MEMORY else "DecimalSI")}
    told = f"{name} resource"
    if proposal.utilization is not None:
        current["averageUtilization"] = proposal.utilization
        told = f"{name} {'' if whole else 'container '}resource utilization (percentage of request)"
    if whole:
        status: Manifest = {"type": "Resource", "resource": {"name": name, "current": current}}
    else:
        source = {"name": name, "container": metric.container, "current": current}
        status = {"type": "ContainerResource", "containerResource": source}
    return Measured(proposal.replicas, told, status)


def _proposal(metric: ResourceMetric, pool: Pool, use: Sequence[PodMetrics] | str) -> Proposal:
    if isinstance(use, str):
        raise NoProposalError(f"unable to get metrics for resource {metric.name}: {use}")
    used = samples(use, metric.name, metric.container)
    target = metric.target
    if target.average_value is not None:
        return by_average(pool, used, metric.name, milli(target.average_value))
    return by_utilization(pool, used, metric.name, metric.container, target.average_utilization or 0)


def _object(spec: MetricSpec, namespace: str) -> Failed:
    metric, described = spec.object_.metric, spec.object_.described_object
    problem = f"unable to get metric {metric.name} on {described.kind} {namespace}/{described.name}: {_NO_CUSTOM}"
    detail = problem
    if spec.object_.target.type == "AverageValue":
        detail = f"failed to get {metric.name} object metric: {problem}"
    return Failed("FailedGetObjectMetric", problem, f"failed to get object metric value: {detail}")


def _external(spec: MetricSpec, namespace: str) -> Failed:
    name, selector = spec.external.metric.name, spec.external.metric.selector
    where = f"{namespace}/{name}/{go_selector(selector)}"
    problem = f"unable to get external metric {where}: {_NO_EXTERNAL} (get {name}.external.metrics.k8s.io)"
    each = spec.external.target.average_value is not None
    detail = f"failed to get {name} external metric" if each else f"failed to get external metric {name}"
    told = f"failed to get {name} external metric value: {detail}: {problem}"
    return Failed("FailedGetExternalMetric", problem, told)
