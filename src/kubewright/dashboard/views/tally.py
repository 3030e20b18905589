"""How the pods of each node and of each application fare, counted as they change.

`world.World` feeds it with the changes of the cache of pods; `fleet` and `applications` read it. Going through all pods
for each look would take a core at 100,000 of them.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from kubewright.api.core import Pod
from kubewright.api.crds.appservice import NAME_LABEL
from kubewright.api.meta import ObjectKey
from kubewright.api.pods import CANNOT_CONFIGURE, CANNOT_PULL, CRASH_LOOP

K = TypeVar("K")
_ILL = CANNOT_PULL | CANNOT_CONFIGURE | {CRASH_LOOP}


class Fare(enum.Enum):
    """How a pod fares."""

    READY = "ready"
    COMING = "coming"
    ILL = "ill"
    DONE = "done"


def fare(pod: Pod) -> Fare:
    """Say how a pod fares."""
    if pod.status.phase == "Succeeded":
        return Fare.DONE
    if pod.status.phase == "Failed" or reason(pod):
        return Fare.ILL
    return Fare.READY if pod.is_ready else Fare.COMING


def reason(pod: Pod) -> str:
    """Return why a pod does not run, in the kubelet's word; empty if nothing is wrong with its containers."""
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting is not None and waiting.reason in _ILL:
            return waiting.reason
    return pod.status.reason if pod.status.phase == "Failed" else ""


class Tally:
    """Counts of pods by how they fare, and the pods that have no node."""

    def __init__(self) -> None:
        self.by_node: dict[str, Counter[Fare]] = {}
        self.by_app: dict[ObjectKey, Counter[Fare]] = {}
        self.waiting: dict[ObjectKey, Pod] = {}

    def change(self, old: Pod | None, new: Pod | None) -> None:
        """Take a change of a pod over."""
        if old is not None:
            self._count(old, -1)
            self.waiting.pop(old.key, None)
        if new is not None:
            self._count(new, 1)
            if not new.spec.node_name and not new.is_finished:
                self.waiting[new.key] = new

    def of_node(self, name: str) -> Mapping[Fare, int]:
        """Return a node's counts."""
        return self.by_node.get(name, {})

    def of_app(self, key: ObjectKey) -> Mapping[Fare, int]:
        """Return an application's counts."""
        return self.by_app.get(key, {})

    def _count(self, pod: Pod, step: int) -> None:
        how = fare(pod)
        if pod.spec.node_name:
            _add(self.by_node, pod.spec.node_name, how, step)
        if app := pod.metadata.labels.get(NAME_LABEL):
            _add(self.by_app, ObjectKey(pod.metadata.namespace, app), how, step)


def _add(counts: dict[K, Counter[Fare]], key: K, how: Fare, step: int) -> None:
    mine = counts.setdefault(key, Counter())
    mine[how] += step
    if not mine[how]:
        del mine[how]
    if not mine:
        del counts[key]
