"""What a DaemonSet needs: one pod of its template on each node that fits, replaced a few at a time. Pure.

The rules are kube-controller-manager's (`daemon_controller.go`, `update.go`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.apps import DaemonSet, RollingUpdate
from kubewright.api.core import PODS, Node, Pod
from kubewright.api.workload import REVISION_HASH
from kubewright.twin.controllers.availability import amount, available_after_seconds, is_available
from kubewright.twin.controllers.daemonset.nodes import (
    GENERATION,
    GENERATION_LABEL,
    Daemon,
    Verdict,
    daemon_pod,
    target_node,
)
from kubewright.twin.controllers.writes import Create, Remove

BURST = 250
"""At most so many pods are created, and so many deleted, at a time."""


@dataclass(frozen=True, slots=True)
class View:
    """A DaemonSet with all that its next step depends on."""

    daemon_set: DaemonSet
    hash: str
    verdicts: Mapping[str, Verdict]
    """By node name."""
    pods: Mapping[str, Sequence[Pod]]
    """Its pods by the node that they are on or meant for, oldest first."""
    now: float
    held: Collection[str] = ()
    """Failed pods, by uid, that stay for now."""

    @classmethod
    def of(
        cls,
        daemon_set: DaemonSet,
        digest: str,
        nodes: Sequence[Node],
        pods: Sequence[Pod],
        now: float,
        *,
        held: Collection[str] = (),
    ) -> View:
        """Sort pods by node and judge the nodes."""
        daemon = Daemon.of(daemon_set)
        verdicts = {node.metadata.name: daemon.verdict(node) for node in nodes}
        by_node: dict[str, list[Pod]] = {}
        for pod in sorted(pods, key=_age):
            by_node.setdefault(target_node(pod), []).append(pod)
        return cls(daemon_set, digest, verdicts, by_node, now, held)

    def available(self, pod: Pod) -> bool:
        """Tell whether a pod counts as available."""
        return is_available(pod, self.daemon_set.spec.min_ready_seconds, self.now)

    def updated(self, pod: Pod) -> bool:
        """Tell whether a pod is of the present template."""
        labels = pod.metadata.labels
        generation = self.daemon_set.metadata.annotations.get(GENERATION)
        return labels.get(REVISION_HASH) == self.hash or (
            generation is not None and labels.get(GENERATION_LABEL) == generation
        )


@dataclass(slots=True)
class Steps:
    """The nodes that are to get a pod, and the pods that are to go."""

    nodes: list[str] = field(default_factory=list[str])
    doomed: dict[str, Pod] = field(default_factory=dict[str, Pod])

    def remove(self, *pods: Pod) -> None:
        """Let pods go, once."""
        self.doomed |= {pod.metadata.uid: pod for pod in pods if not pod.is_terminating}


def scale(view: View) -> list[Create | Remove]:
    """Return what puts a pod on every node that should have one, and takes away those that should not be."""
    steps = Steps()
    limits = Limits.of(view)
    for node, verdict in sorted(view.verdicts.items()):
        _manage(view, node, verdict, limits, steps)
    for node, pods in view.pods.items():
        if node not in view.verdicts:
            steps.remove(*(pod for pod in pods if not pod.spec.node_name))
    return _writes(view, steps)


def roll(view: View) -> list[Create | Remove]:
    """Return the next step of a rolling update."""
    if view.daemon_set.spec.update_strategy.type != "RollingUpdate":
        return []
    steps = Steps()
    limits = Limits.of(view)
    if limits.surge:
        _surge(view, limits.surge, steps)
    else:
        _replace(view, limits.unavailable, steps)
    return _writes(view, steps)


def _writes(view: View, steps: Steps) -> list[Create | Remove]:
    made = [Create(PODS, daemon_pod(view.daemon_set, node, view.hash)) for node in steps.nodes[:BURST]]
    gone = [Remove(PODS, pod.key, pod.metadata.uid) for pod in list(steps.doomed.values())[:BURST]]
    return [*made, *gone]


@dataclass(frozen=True, slots=True)
class Limits:
    """A rolling update's bounds, in nodes."""

    surge: int
    unavailable: int

    @classmethod
    def of(cls, view: View) -> Limits:
        """Resolve shares of the nodes that should have a pod; both round up, and never are both zero."""
        strategy = view.daemon_set.spec.update_strategy
        if strategy.type != "RollingUpdate":
            return cls(0, 0)
        update = strategy.rolling_update or RollingUpdate(0, 1)
        desired = sum(verdict.run for verdict in view.verdicts.values())
        surge = amount(update.max_surge, desired, round_up=True)
        unavailable = amount(update.max_unavailable, desired, round_up=True)
        return cls(surge, unavailable if unavailable or surge else 1)


def _manage(view: View, node: str, verdict: Verdict, limits: Limits, steps: Steps) -> None:
    present = view.pods.get(node, ())
    if not verdict.stay:
        steps.remove(*present)
    elif not present:
        if verdict.run:
            steps.nodes.append(node)
    else:
        steps.remove(*(pod for pod in present if pod.is_finished and pod.metadata.uid not in view.held))
        running = [pod for pod in present if not pod.is_finished and not pod.is_terminating]
        if not limits.surge:
            steps.remove(*running[1:])
            return
        old = [pod for pod in running if not view.updated(pod)]
        new = [pod for pod in running if view.updated(pod)]
        steps.remove(*old[1:], *new[1:])
        if old and new and view.available(new[0]):
            steps.remove(old[0])


def _pair(view: View, node: str) -> tuple[Pod | None, Pod | None, bool]:
    """Return a node's new and old pod, and whether there is at most one of each."""
    pods = [pod for pod in view.pods.get(node, ()) if not pod.is_terminating]
    new = [pod for pod in pods if view.updated(pod)]
    old = [pod for pod in pods if not view.updated(pod)]
    return next(iter(new), None), next(iter(old), None), len(new) < 2 and len(old) < 2  # noqa: PLR2004


def _replace(view: View, most: int, steps: Steps) -> None:
    """Delete old pods: those that are of no use at once, others as far as enough remain."""
    unavailable = 0
    candidates: list[Pod] = []
    for node in sorted(view.pods):
        new, old, clear = _pair(view, node)
        if not clear or (new is None and old is None):
            unavailable += 1
        elif new is not None:
            unavailable += not view.available(new)
        elif old is not None and not view.available(old):
            steps.remove(old)
            unavailable += 1
        elif old is not None:
            candidates.append(old)
    steps.remove(*candidates[: max(most - unavailable, 0)])


def _surge(view: View, most: int, steps: Steps) -> None:
    """Start new pods beside old ones, and delete an old one when its successor can do without it."""
    surging = 0
    candidates: list[str] = []
    for node in sorted(view.pods):
        new, old, clear = _pair(view, node)
        if not clear:
            surging += 1
        elif old is None:
            continue
        elif new is None:
            if view.available(old):
                candidates.append(node)
            else:
                steps.nodes.append(node)
        elif view.available(new) or not view.available(old):
            steps.remove(old)
        else:
            surging += 1
    steps.nodes += candidates[: max(most - surging, 0)]


def status_of(view: View) -> dict[str, Any]:
    """Count nodes by what their oldest pod is."""
    counts = dict.fromkeys(("desired", "current", "misscheduled", "ready", "available", "updated"), 0)
    for node, verdict in view.verdicts.items():
        pods = view.pods.get(node, ())
        if not verdict.run:
            counts["misscheduled"] += bool(pods)
            continue
        counts["desired"] += 1
        if pods:
            counts["current"] += 1
            counts["ready"] += pods[0].is_ready
            counts["available"] += view.available(pods[0])
            counts["updated"] += view.updated(pods[0])
    return {
        "currentNumberScheduled": counts["current"],
        "numberMisscheduled": counts["misscheduled"],
        "desiredNumberScheduled": counts["desired"],
        "numberReady": counts["ready"],
        "observedGeneration": view.daemon_set.metadata.generation,
        "updatedNumberScheduled": counts["updated"],
        "numberAvailable": counts["available"],
        "numberUnavailable": counts["desired"] - counts["available"],
    }


def look_again_seconds(view: View) -> float:
    """Return after how long the next ready pod counts as available; 0 for none."""
    least = view.daemon_set.spec.min_ready_seconds
    pods = [pod for node in view.pods.values() for pod in node if pod.is_ready]
    waits = (available_after_seconds(pod, least, view.now) for pod in pods)
    return min((wait for wait in waits if wait > 0), default=0.0)


def _age(pod: Pod) -> tuple[bool, str, str]:
    return not pod.spec.node_name, pod.metadata.creation_timestamp or "", pod.metadata.name
