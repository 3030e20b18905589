"""Who chooses the number of pods of an application that is scaled: a HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.scale import Target
from kubewright.api.crds.appservice.spec import STATEFUL
from kubewright.api.meta import Manifest
from kubewright.api.quantity import canonical
from kubewright.workloads.children.identity import child
from kubewright.workloads.kinds import AUTOSCALERS

_USUAL = Target(metric="cpu", percent=70)


def autoscaler(app: AppService) -> Manifest | None:
    """Return the HorizontalPodAutoscaler."""
    scaling = app.spec.scaling
    if scaling is None or app.spec.runs_to_its_end:
        return None
    kind = "StatefulSet" if app.spec.form == STATEFUL else "Deployment"
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": app.metadata.name},
        "minReplicas": scaling.min,
        "maxReplicas": scaling.max,
        "metrics": [_metric(target) for target in scaling.targets or (_USUAL,)],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": scaling.down_after_seconds}},
    }
    return child(app, AUTOSCALERS, spec=spec)


def _metric(target: Target) -> dict[str, Any]:
    if target.percent:
        goal: dict[str, Any] = {"type": "Utilization", "averageUtilization": target.percent}
    else:
        goal = {"type": "AverageValue", "averageValue": canonical(target.average or 0)}
    if target.metric in {"cpu", "memory"}:
        return {"type": "Resource", "resource": {"name": target.metric, "target": goal}}
    return {"type": "Pods", "pods": {"metric": {"name": target.metric}, "target": goal}}
