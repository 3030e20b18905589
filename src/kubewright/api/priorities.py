"""PriorityClass: how important pods are that name it."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.meta import KubeObject, Resource

HIGHEST_PRIORITY = 1_000_000_000
"""The highest that users may give (`HighestUserDefinablePriority`)."""
CRITICAL_PRIORITY = 2_000_000_000
"""From here on pods are critical to the system (`SystemCriticalPriority`)."""
SYSTEM_CLASSES: Mapping[str, int] = {
    "system-node-critical": CRITICAL_PRIORITY + 1000,
    "system-cluster-critical": CRITICAL_PRIORITY,
}
"""Classes that every cluster has."""


class PriorityClass(KubeObject, frozen=True, kw_only=True, gc=False):
    """A name for a priority."""

    value: int = 0
    global_default: bool = False
    preemption_policy: str = "PreemptLowerPriority"


PRIORITY_CLASSES: Resource[PriorityClass] = Resource(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", PriorityClass, namespaced=False
)
