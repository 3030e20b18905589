"""What a ScalePolicy's status says of a turn, and whether that is worth a write. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubewright.api.conditions import written
from kubewright.api.crds.scalepolicy import SCALE_POLICIES, MetricStatus, ScalePolicy
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.plan import Apply
from kubewright.api.quantity import parse_quantity
from kubewright.autoscaler.seen import Turn

_NEWS = 0.1


def status_of(policy: ScalePolicy, turn: Turn) -> Apply | None:
    """Return the status to write; None while it says nothing new, apart from metrics that hardly moved."""
    decision, told = turn.decision, policy.status
    at = told.last_scale_time if decision.scaled_at is None else rfc3339(decision.scaled_at)
    generation = policy.metadata.generation
    metrics = tuple(MetricStatus(**_fields(each)) for each in decision.metrics or () if each.get("name"))
    same = (
        (decision.current, decision.desired, turn.mode, at, generation)
        == (told.current_replicas, told.desired_replicas, told.mode, told.last_scale_time, told.observed_generation)
        and decision.conditions == told.conditions
        and not _moved(told.metrics, metrics)
    )
    if same:
        return None
    status: Manifest = {
        "currentReplicas": decision.current,
        "desiredReplicas": decision.desired,
        "mode": turn.mode,
        "observedGeneration": generation,
        "conditions": written(decision.conditions),
        "metrics": [
            {"name": each.name, "value": each.value, "target": each.target, "replicas": each.replicas}
            for each in metrics
        ],
    }
    if at is not None:
        status["lastScaleTime"] = at
    metadata = {"namespace": policy.metadata.namespace, "name": policy.metadata.name}
    head = {"apiVersion": SCALE_POLICIES.api_version, "kind": SCALE_POLICIES.kind, "metadata": metadata}
    return Apply(SCALE_POLICIES, {**head, "status": status}, "status")


def _fields(metric: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metric[name] for name in ("name", "value", "target", "replicas")}


def _moved(before: tuple[MetricStatus, ...], after: tuple[MetricStatus, ...]) -> bool:
    if len(before) != len(after):
        return True
    return any(
        (old.name, old.target, old.replicas) != (new.name, new.target, new.replicas) or _differ(old.value, new.value)
        for old, new in zip(before, after, strict=True)
    )


def _differ(old: str, new: str) -> bool:
    if old == new:
        return False
    was, now = _number(old), _number(new)
    return abs(now - was) > _NEWS * max(abs(was), abs(now))


def _number(text: str) -> float:
    try:
        return float(parse_quantity(text.removesuffix("%").removesuffix("ms")))
    except ValueError:
        return 0.0
