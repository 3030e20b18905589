"""What a PodDisruptionBudget's status says: how many pods are well, how many must be, how many may go. Pure.

The rules are kube-controller-manager's (`disruption.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.conditions import Condition, set_condition
from kubewright.api.core import Pod
from kubewright.api.meta import Manifest, parse_time
from kubewright.api.policy import PodDisruptionBudget
from kubewright.twin.controllers.availability import amount

DISRUPTED_SECONDS = 120.0
"""So long a pod that was let go counts as gone, although it is still there."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How many pods the controllers of the budget's pods want, or why that is not known."""

    pods: int = 0
    problem: str = ""
    unmanaged: bool = False
    """Whether there are pods that no controller wants."""


def status_of(budget: PodDisruptionBudget, pods: Sequence[Pod], scale: Scale, now: float) -> dict[str, Any]:
    """Return the status for the pods that the budget selects."""
    generation = budget.metadata.generation
    if scale.problem:
        observed = budget.status.observed_generation
        condition = Condition("DisruptionAllowed", "False", "SyncFailed", scale.problem, None, observed)
        return {**present_status(budget), "disruptionsAllowed": 0, "conditions": _with(budget, condition, now)}
    expected, desired = _expected(budget, pods, scale)
    disrupted = _still_disrupted(budget, pods, now)
    healthy = sum(pod.is_ready and not pod.is_terminating and pod.metadata.name not in disrupted for pod in pods)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    state, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    condition = Condition("DisruptionAllowed", state, reason, "", None, generation)
    return {
        "observedGeneration": generation,
        "disruptedPods": disrupted,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": _with(budget, condition, now),
    }


def present_status(budget: PodDisruptionBudget) -> dict[str, Any]:
    """Return the status that the object has, in the form of `status_of`."""
    status = budget.status
    return {
        "observedGeneration": status.observed_generation,
        "disruptedPods": dict(status.disrupted_pods),
        "disruptionsAllowed": status.disruptions_allowed,
        "currentHealthy": status.current_healthy,
        "desiredHealthy": status.desired_healthy,
        "expectedPods": status.expected_pods,
        "conditions": [_written(each) for each in status.conditions],
    }


def next_check_seconds(disrupted: Mapping[str, str], now: float) -> float | None:
    """Return after how long the first pod that was let go counts again."""
    waits = [parse_time(at) + DISRUPTED_SECONDS - now for at in disrupted.values()]
    return max(min(waits), 0.0) if waits else None


def _expected(budget: PodDisruptionBudget, pods: Sequence[Pod], scale: Scale) -> tuple[int, int]:
    """Return how many pods there should be, and how many of them must be well."""
    spec = budget.spec
    if spec.max_unavailable is not None:
        most = amount(spec.max_unavailable, scale.pods, round_up=True)
        return scale.pods, max(scale.pods - most, 0)
    least = 1 if spec.min_available is None else spec.min_available
    if isinstance(least, int):
        return len(pods), least
    return scale.pods, amount(least, scale.pods, round_up=True)


def needs_scale(budget: PodDisruptionBudget) -> bool:
    """Tell whether the budget counts what controllers want rather than the pods that there are."""
    return budget.spec.max_unavailable is not None or isinstance(budget.spec.min_available, str)


def _still_disrupted(budget: PodDisruptionBudget, pods: Sequence[Pod], now: float) -> dict[str, str]:
    living = {pod.metadata.name for pod in pods if not pod.is_terminating}
    noted = budget.status.disrupted_pods.items()
    return {name: at for name, at in noted if name in living and parse_time(at) + DISRUPTED_SECONDS > now}


def _with(budget: PodDisruptionBudget, condition: Condition, now: float) -> list[Manifest]:
    return [_written(each) for each in set_condition(budget.status.conditions, condition, now)]


def _written(condition: Condition) -> Manifest:
    return {
        "type": condition.type,
        "status": condition.status,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": condition.last_transition_time,
        "reason": condition.reason,
        "message": condition.message,
    }
