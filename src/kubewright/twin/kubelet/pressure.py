"""Nodes that run out of memory: how much is left, who goes first, and what is said. Pure.

The rules are those of the kubelet's eviction manager with its default, hard threshold: one pod at a time, first those
that use more than they request, of these the least important, of these the one that exceeds its request most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.priorities import CRITICAL_PRIORITY
from kubewright.api.quantity import format_quantity, value
from kubewright.api.resources import pod_request
from kubewright.twin.kubelet.life import Verdict
from kubewright.twin.kubelet.limits import EVICTED, MEMORY
from kubewright.twin.usage.curve import Curve

THRESHOLD_BYTES = 100 << 20
CHECK_SECONDS = 10.0
TRANSITION_SECONDS = 300.0
"""A node is said to be under pressure so long after it last was."""
_DISRUPTION = "TerminationByKubelet"


@dataclass(frozen=True, slots=True)
class Used:
    """What a pod uses, by container, and the curves that say so."""

    pod: Pod
    bytes: Mapping[str, float]
    curves: tuple[tuple[Curve, float], ...] = ()
    """Each with its container's start."""

    @property
    def total(self) -> float:
        """Return what all containers use."""
        return sum(self.bytes.values())


def available(capacity: float, pods: Iterable[Used]) -> float:
    """Return what is left of a node's memory."""
    return capacity - sum(each.total for each in pods)


def next_check(capacity: float, pods: Iterable[Used], now: float) -> float | None:
    """Return after how many seconds the threshold might be met: None for never, as the profiles are."""
    highest = growth = 0.0
    for each in pods:
        for curve, started_at in each.curves:
            highest += curve.peak + curve.drift * max(now - started_at, 0.0)
            growth += curve.drift
    spare = capacity - THRESHOLD_BYTES - highest
    if spare < 0:
        return CHECK_SECONDS
    return max(spare / growth, CHECK_SECONDS) if growth > 0 else None


def first_to_go(pods: Sequence[Used]) -> Used | None:
    """Return the pod that is evicted next; those that are critical never are."""

    def rank(used: Used) -> tuple[bool, int, float]:
        over = used.total - pod_request(used.pod).get(MEMORY, 0)
        return (over <= 0, used.pod.spec.priority, -over)

    return min((each for each in pods if each.pod.spec.priority < CRITICAL_PRIORITY), key=rank, default=None)


def verdict(used: Used, left: float) -> Verdict:
    """Return why a pod is evicted from a node that has so many bytes of memory left."""
    text = f"The node was low on resource: {MEMORY}. Threshold quantity: 100Mi, available: {_binary(left)}. "
    for container in (*used.pod.spec.containers, *used.pod.spec.init_containers):
        amount = used.bytes.get(container.name, 0.0)
        request = container.resources.requests.get(MEMORY, "0")
        if amount > value(request):
            text += (
                f"Container {container.name} was using {_binary(amount)}, request is {request}, "
                f"has larger consumption of {MEMORY}. "
            )
    return Verdict(EVICTED, text, _DISRUPTION)


def refusal(pod: Pod) -> Verdict | None:
    """Return why a node under memory pressure does not take a pod: one that requests nothing and tolerates nothing."""
    tolerates = any(each.key in {"", "node.kubernetes.io/memory-pressure"} for each in pod.spec.tolerations)
    if pod.status.qos_class != "BestEffort" or tolerates:
        return None
    return Verdict(EVICTED, "The node had condition: [MemoryPressure]. ")


def _binary(amount: float) -> str:
    return format_quantity(int(amount) >> 10 << 10, "BinarySI")
