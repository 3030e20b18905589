"""Which GPUs the next container is given: those that the scheduler chose for its pod. Pure.

The kubelet asks a device plugin without saying for which pod. It admits one pod after the other, so it can only be a
pod of this node that was told its GPUs and has not been given them yet; of several that want as many, the first bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.quantity import value
from kubewright.devices.requests import read_given
from kubewright.gpu.driver import Gpu


@dataclass(frozen=True, slots=True)
class Turn:
    """A container that waits for its GPUs."""

    uid: str
    """Of its pod."""
    container: str
    gpus: tuple[int, ...]


def turns(pods: Iterable[Pod], resource: str, served: Collection[tuple[str, str]]) -> list[Turn]:
    """Return the containers that wait, in the order in which their pods were bound; a pod's GPUs go round in order."""
    waiting: list[Turn] = []
    for pod in sorted((each for each in pods if not each.is_finished), key=_bound_at):
        left = list(read_given(pod) or ())
        for container in (*pod.spec.init_containers, *pod.spec.containers):
            count = _count(container.resources.limits.get(resource, container.resources.requests.get(resource, 0)))
            mine, left = tuple(left[:count]), left[count:]
            if count and len(mine) == count and (pod.metadata.uid, container.name) not in served:
                waiting.append(Turn(pod.metadata.uid, container.name, mine))
    return waiting


def next_turn(waiting: Sequence[Turn], count: int, gpus: Mapping[int, Gpu]) -> Turn | None:
    """Return whose turn it is if a container asks for so many; None if nobody was told, or what is not there."""
    fitting = (each for each in waiting if len(each.gpus) == count and all(gpu in gpus for gpu in each.gpus))
    return next(fitting, None)


def prefer(
    turn: Turn | None, available: Sequence[str], must: Sequence[str], count: int, gpus: Sequence[Gpu]
) -> list[str]:
    """Return which of the available devices the kubelet should take: the scheduler's, else near to each other.

    Near is: on one NUMA node, the one with the fewest left that has enough.
    """
    chosen = list(must)
    wanted = {gpu.uuid for gpu in gpus if turn is not None and gpu.number in turn.gpus}
    chosen += [each for each in available if each in wanted and each not in chosen]
    by_numa: dict[int | None, list[str]] = {}
    for gpu in gpus:
        if gpu.uuid in available and gpu.uuid not in chosen:
            by_numa.setdefault(gpu.numa, []).append(gpu.uuid)
    missing = count - len(chosen)
    groups = sorted(
        by_numa.values(), key=lambda group: (len(group) < missing, len(group) if len(group) >= missing else -len(group))
    )
    for group in groups:
        chosen += group
    return chosen[:count]


def _bound_at(pod: Pod) -> tuple[str, str]:
    scheduled = find_condition(pod.status.conditions, "PodScheduled")
    return str(scheduled.last_transition_time) if scheduled else "", pod.metadata.uid


def _count(quantity: str | float) -> int:
    try:
        return value(quantity)
    except ValueError:
        return 0
