"""Where pods may run, whom they stay near to or away from, and how they are spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.scale import AppServiceAvailability, AppToleration, Company, NodeRule
from kubewright.workloads.children.identity import NAME_LABEL, present, selector

_WISH = 100
_ZONE, _HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
_GPU_PRODUCT, _GPU_TAINT = "nvidia.com/gpu.product", "nvidia.com/gpu"


def placement(app: AppService) -> dict[str, Any]:
    """Return the pod's fields that say where it may run."""
    said, gpu = app.spec.placement, app.spec.gpu
    nodes = dict(said.node_selector)
    tolerations = [_toleration(each) for each in said.tolerations]
    if gpu is not None:
        tolerations.append({"key": _GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"})
        if gpu.model:
            nodes[_GPU_PRODUCT] = gpu.model
    return present(
        nodeSelector=nodes,
        affinity=_affinity(app),
        tolerations=tolerations,
        topologySpreadConstraints=list(_spread(app)),
        priorityClassName=said.priority_class,
        schedulerName=said.scheduler,
    )


def _affinity(app: AppService) -> dict[str, Any]:
    said = app.spec.placement
    return present(
        nodeAffinity=_node_affinity(said.nodes),
        podAffinity=_company(app, said.near),
        podAntiAffinity=_company(app, said.apart),
    )


def _node_affinity(rules: Sequence[NodeRule]) -> dict[str, Any]:
    needed = [_expression(rule) for rule in rules if not rule.weight]
    wished = [
        {"weight": rule.weight, "preference": {"matchExpressions": [_expression(rule)]}}
        for rule in rules
        if rule.weight
    ]
    terms = {"nodeSelectorTerms": [{"matchExpressions": needed}]} if needed else {}
    return present(
        requiredDuringSchedulingIgnoredDuringExecution=terms, preferredDuringSchedulingIgnoredDuringExecution=wished
    )


def _expression(rule: NodeRule) -> dict[str, Any]:
    return {"key": rule.key, "operator": rule.operator} | present(values=list(rule.values))


def _company(app: AppService, company: Sequence[Company]) -> dict[str, Any]:
    needed = [_term(app, each) for each in company if each.required]
    wished = [{"weight": _WISH, "podAffinityTerm": _term(app, each)} for each in company if not each.required]
    return present(
        requiredDuringSchedulingIgnoredDuringExecution=needed, preferredDuringSchedulingIgnoredDuringExecution=wished
    )


def _term(app: AppService, company: Company) -> dict[str, Any]:
    chosen = dict(company.labels) or {NAME_LABEL: company.app or app.metadata.name}
    return {"topologyKey": company.topology, "labelSelector": {"matchLabels": chosen}}


def _toleration(said: AppToleration) -> dict[str, Any]:
    return present(
        key=said.key,
        operator=said.operator,
        value=said.value,
        effect=said.effect,
        tolerationSeconds=said.toleration_seconds,
    )


def _spread(app: AppService) -> Iterator[dict[str, Any]]:
    """Spread several pods over zones and nodes; only where that is required does one wait for it."""
    several = app.spec.replicas > 1 or app.spec.scaling is not None or app.spec.availability is not None
    if app.spec.runs_to_its_end or not several:
        return
    said = app.spec.availability or AppServiceAvailability()
    for key, how in ((_ZONE, said.zones), (_HOST, said.nodes)):
        if how != "none":
            yield {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "DoNotSchedule" if how == "required" else "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(app)},
            }
