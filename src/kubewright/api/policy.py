"""The `policy` group: how many pods may be taken away at a time."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.conditions import Condition
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.selectors import LabelSelector


class PodDisruptionBudgetSpec(Leaf, frozen=True):
    """Which pods, and how many of them must stay or may go. No selector matches no pod."""

    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str = "IfHealthyBudget"


class PodDisruptionBudgetStatus(Leaf, frozen=True):
    """How many pods are well, and how many may go."""

    observed_generation: int = 0
    disrupted_pods: Mapping[str, str] = EMPTY
    """When each pod, by name, was let go whose end is not seen yet."""
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    expected_pods: int = 0
    conditions: tuple[Condition, ...] = ()


class PodDisruptionBudget(KubeObject, frozen=True, kw_only=True):
    """A disruption budget."""

    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: PodDisruptionBudgetStatus = PodDisruptionBudgetStatus()


POD_DISRUPTION_BUDGETS: Resource[PodDisruptionBudget] = Resource(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", PodDisruptionBudget
)
