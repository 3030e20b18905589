"""PriorityClass: how important pods are that name it."""

from __future__ import annotations

from kubewright.api.meta import KubeObject, Resource


class PriorityClass(KubeObject, frozen=True, kw_only=True, gc=False):
    """A name for a priority."""

    value: int = 0
    global_default: bool = False
    preemption_policy: str = "PreemptLowerPriority"


PRIORITY_CLASSES: Resource[PriorityClass] = Resource(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", PriorityClass, namespaced=False
)
