"""What emptying a node costs its pods, and what forbids it altogether. Pure.

A move costs what the pool says an ordinary pod's restart may cost, more for what is important (by its priority and
its `pod-deletion-cost`, as Karpenter and ReplicaSets weigh them); whoever runs to an end loses what it has done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubewright.api.core import Node, Pod
from kubewright.api.meta import controller_of, parse_time
from kubewright.api.resources import CPU, MEMORY, amounts, pod_request
from kubewright.disruption.budget import Allowance, is_movable

HELD = ("kubewright.dev/do-not-disrupt", "karpenter.sh/do-not-disrupt")
"""Annotations of pods and nodes that say `true` where nothing is to be moved."""
_UNSAFE = "cluster-autoscaler.kubernetes.io/safe-to-evict"
_KEPT = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PRIORITY_UNIT, _DELETION_UNIT = 2.0**25, 2.0**27
_LEAST_WEIGHT, _MOST_WEIGHT = 0.1, 10.0
_SECONDS_AN_HOUR = 3600.0


def obstacle(node: Node, movers: Sequence[Pod], allowance: Allowance) -> str:
    """Return why a node cannot be emptied now; nothing if `movers`, all that has to leave it, may go one by one."""
    if _says(node.metadata.annotations, HELD) or node.metadata.annotations.get(_KEPT) == "true":
        return "the node is annotated to be kept"
    if node.spec.unschedulable:
        return "somebody has cordoned it"
    for pod in movers:
        if _says(pod.metadata.annotations, HELD) or pod.metadata.annotations.get(_UNSAFE) == "false":
            return f"pod {pod.key} is annotated not to be disrupted"
        if not is_movable(pod):
            return f"pod {pod.key} is made anew by nobody"
        if not allowance.would_let(pod):
            return f"pod {pod.key} may not go by its disruption budget"
    return ""


def move_cost(pod: Pod, node: Node, price: float, ordinary: float, now: float) -> float:
    """Return what moving a pod costs, in the currency of `price` (the node's, an hour) and `ordinary` (any pod's)."""
    last = _number(pod.metadata.annotations.get(_DELETION_COST))
    weight = 1 + pod.spec.priority / _PRIORITY_UNIT + last / _DELETION_UNIT
    cost = ordinary * min(max(weight, _LEAST_WEIGHT), _MOST_WEIGHT)
    owner = controller_of(pod)
    if owner is not None and owner.kind == "Job" and pod.status.start_time:
        hours = max(now - parse_time(pod.status.start_time), 0) / _SECONDS_AN_HOUR
        cost += hours * price * _share(pod, node)
    return cost


def _share(pod: Pod, node: Node) -> float:
    offered, wanted = amounts(node.status.allocatable), pod_request(pod)
    return max((wanted.get(name, 0) / offered[name] for name in (CPU, MEMORY) if offered.get(name)), default=0.0)


def _says(annotations: Mapping[str, str], names: Iterable[str]) -> bool:
    return any(annotations.get(name) == "true" for name in names)


def _number(text: str | None) -> float:
    try:
        return float(int(text or 0))
    except ValueError:
        return 0.0
