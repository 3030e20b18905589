"""A pod's place among those that wait for the same scheduler, as its queue has them: by priority, then by age."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.api.core import Pod


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod stands."""

    ahead: int
    waiting: int
    """How many wait in all, the pod among them."""

    def __str__(self) -> str:
        return f"{self.ahead + 1} of {self.waiting}"


def waits(pod: Pod) -> bool:
    """Tell whether a pod wants a node."""
    return not pod.spec.node_name and not pod.is_finished and not pod.is_terminating


def in_line(pods: Iterable[Pod], scheduler: str) -> list[Pod]:
    """Return the pods that wait for a scheduler, in the order in which it tries them; gated ones are not among them."""
    waiting = [
        pod for pod in pods if waits(pod) and pod.spec.scheduler_name == scheduler and not pod.spec.scheduling_gates
    ]
    return sorted(waiting, key=rank)


def place_of(pod: Pod, pods: Iterable[Pod]) -> Place | None:
    """Return the pod's place; None for one that is gated, or no longer waits."""
    line = in_line(pods, pod.spec.scheduler_name)
    for ahead, each in enumerate(line):
        if each.key == pod.key:
            return Place(ahead, len(line))
    return None


def rank(pod: Pod) -> tuple[int, str, str, str]:
    """Return what the line is sorted by."""
    metadata = pod.metadata
    return -pod.spec.priority, metadata.creation_timestamp or "", metadata.namespace, metadata.name
