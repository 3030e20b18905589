"""Who chooses the number of pods of an application that is scaled.

That is a HorizontalPodAutoscaler, which every cluster has, or a ScalePolicy where only that can do what is said.
"""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.scale import Target
from kubewright.api.described import said
from kubewright.api.meta import Manifest
from kubewright.api.quantity import canonical
from kubewright.workloads.children.identity import child, present
from kubewright.workloads.kinds import AUTOSCALERS, CHILD_SCALE_POLICIES, runner_of

_USUAL = Target(metric="cpu", percent=70)


def autoscaler(app: AppService) -> Manifest | None:
    """Return the HorizontalPodAutoscaler."""
    scaling = app.spec.scaling
    if scaling is None or scaling.by_policy or app.spec.runs_to_its_end:
        return None
    spec = {
        "scaleTargetRef": _target(app),
        "minReplicas": scaling.min,
        "maxReplicas": scaling.max,
        "metrics": [_metric(target) for target in scaling.targets or (_USUAL,)],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": scaling.down_after_seconds}},
    }
    return child(app, AUTOSCALERS, spec=spec)


def scale_policy(app: AppService) -> Manifest | None:
    """Return the ScalePolicy."""
    scaling = app.spec.scaling
    if scaling is None or not scaling.by_policy or app.spec.runs_to_its_end:
        return None
    metrics = [{target.metric: _aim(target)} for target in scaling.targets]
    metrics += [said(metric) for metric in scaling.metrics]
    spec: dict[str, Any] = {
        "target": _target(app),
        "min": scaling.min,
        "max": scaling.max,
        "metrics": metrics or [{_USUAL.metric: _aim(_USUAL)}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": scaling.down_after_seconds}},
        **present(
            mode=scaling.mode,
            schedules=[said(each) for each in scaling.schedules],
            fallback=None if scaling.fallback is None else said(scaling.fallback),
        ),
    }
    if scaling.rollout_min:
        spec["rolloutMin"] = scaling.rollout_min
    return child(app, CHILD_SCALE_POLICIES, spec=spec)


def _target(app: AppService) -> Manifest:
    runner = runner_of(app)
    return {"apiVersion": runner.api_version, "kind": runner.kind, "name": app.metadata.name}


def _aim(target: Target) -> Manifest:
    return {"percent": target.percent} if target.percent else {"average": canonical(target.average or 0)}


def _metric(target: Target) -> dict[str, Any]:
    if target.percent:
        goal: dict[str, Any] = {"type": "Utilization", "averageUtilization": target.percent}
    else:
        goal = {"type": "AverageValue", "averageValue": canonical(target.average or 0)}
    if target.metric in {"cpu", "memory"}:
        return {"type": "Resource", "resource": {"name": target.metric, "target": goal}}
    return {"type": "Pods", "pods": {"metric": {"name": target.metric}, "target": goal}}
