"""What a ScalePolicy's status says of a turn, and whether that is worth a write. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from kubewright.api.conditions import written
from kubewright.api.crds.scalepolicy import SCALE_POLICIES, MetricStatus, ScalePolicy
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.plan import Apply
from kubewright.api.quantity import Quantity, approximate, format_quantity
from kubewright.autoscaler.seen import Turn

NEWS = 0.1
"""By what share of itself a metric moves until that is worth a write."""
_MILLI = 1000
_COUNTED = ("%", "ms")


def status_of(policy: ScalePolicy, turn: Turn) -> Apply | None:
    """Return the status to write; None while it says nothing new, apart from metrics that hardly moved."""
    decision, told = turn.decision, policy.status
    at = told.last_scale_time if decision.scaled_at is None else rfc3339(decision.scaled_at)
    generation = policy.metadata.generation
    metrics = [each for each in decision.metrics or () if "amount" in each]
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
            {
                "name": each["name"],
                "value": _text(each["amount"], each["unit"]),
                "target": _target(each["target"], each["unit"]),
                "replicas": each["replicas"],
            }
            for each in metrics
        ],
    }
    if at is not None:
        status["lastScaleTime"] = at
    return Apply.status(SCALE_POLICIES, policy.key, status)


def told_amounts(policy: ScalePolicy) -> list[float]:
    """Return the amounts that a status tells, which stand until they have moved."""
    return [_amount(each.value) for each in policy.status.metrics]


def _moved(before: tuple[MetricStatus, ...], after: Sequence[Mapping[str, Any]]) -> bool:
    if len(before) != len(after):
        return True
    return any(
        (old.name, old.replicas) != (new["name"], new["replicas"]) or _differ(_amount(old.value), new["amount"])
        for old, new in zip(before, after, strict=True)
    )


def _differ(old: float, new: float) -> bool:
    return abs(new - old) > NEWS * max(abs(old), abs(new))


def _text(amount: int, unit: str) -> str:
    """Write an amount: of per cents and milliseconds it is so many, of all else so many thousandths."""
    if unit in _COUNTED:
        return f"{amount}{unit}"
    return format_quantity(Fraction(amount, _MILLI), "BinarySI" if unit == "Mi" else "DecimalSI")


def _target(target: Quantity, unit: str) -> str:
    return f"{target}{unit}" if unit in _COUNTED else str(target)


@lru_cache(maxsize=65_536)
def _amount(text: str) -> float:
    """Read what `_text` wrote."""
    for unit in _COUNTED:
        if text.endswith(unit):
            return float(text.removesuffix(unit))
    try:
        return approximate(text) * _MILLI
    except ValueError:
        return 0.0
