"""Which of a ReplicaSet's pods go first when it shrinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod

_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def victims(pods: Sequence[Pod], count: int, neighbours: Mapping[str, int]) -> list[Pod]:
    """Return `count` pods to delete, in `ActivePodsWithRanks` order: those that are worth least first.

    Without a node, then by phase, not ready, cheap by annotation, on crowded nodes (`neighbours` by node name), ready
    for the shortest time, restarted most, youngest; and by name, so that runs are repeatable.
    """
    return sorted(pods, key=lambda pod: _worth(pod, neighbours))[:count] if count > 0 else []


def _worth(pod: Pod, neighbours: Mapping[str, int]) -> tuple[Any, ...]:
    return (
        bool(pod.spec.node_name),
        _PHASES.get(pod.status.phase, 1),
        pod.is_ready,
        _deletion_cost(pod),
        -neighbours.get(pod.spec.node_name, 0),
        _Youngest(_ready_since(pod)),
        -pod.restart_count,
        _Youngest(pod.metadata.creation_timestamp or ""),
        pod.metadata.name,
    )


class _Youngest(str):
    """A timestamp that sorts later times first; no timestamp counts as just now."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return bool(other) and (not self or str(self) > str(other))


def _ready_since(pod: Pod) -> str:
    ready = find_condition(pod.status.conditions, "Ready")
    return (ready.last_transition_time or "") if ready and ready.is_true else ""


def _deletion_cost(pod: Pod) -> int:
    text = pod.metadata.annotations.get(_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0
