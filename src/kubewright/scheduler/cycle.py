"""One pod's turn: where it goes, or why it stays. Decided at once, on the state as it is; nothing is awaited here.

pop -> feasible -> rank -> select -> assume -> bind
no node -> wait for news
"""

from __future__ import annotations

import random
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.core import Node, Pod
from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit, fit
from kubewright.placement.gpus import given_gpus
from kubewright.placement.policy import GPU, Policy
from kubewright.placement.preempt import NoPreemption, Preemption, preempt
from kubewright.scheduler.news import refusers
from kubewright.scheduler.queue import QueuedPod
from kubewright.scheduler.state import ClusterState


@dataclass(frozen=True, slots=True)
class Placement:
    """A pod that was given a node, which is booked for it: to be bound."""

    queued: QueuedPod
    pod: Pod
    chosen: Fit
    node: Node
    annotations: Mapping[str, str]
    """What the pod is told with the binding: its GPUs."""
    began_at: float
    deadline: float | None = None
    """Until when it must be bound, or is given back."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A pod that fits nowhere: to be told why, and those to be evicted that it may push aside."""

    queued: QueuedPod
    pod: Pod
    diagnosis: Diagnosis
    preemption: Preemption | NoPreemption | None
    """None where it was not even looked for: something is wrong whatever the node."""
    began_at: float
    words: str = ""
    """What is said instead of the diagnosis: why the pod was not even tried by itself."""
    waits_for: frozenset[str] | None = None
    """What stands in its way, if that is not just what refused it on the nodes."""
    eviction: str = ""
    """What the victims are told if nobody outranks them."""

    @property
    def refused_by(self) -> frozenset[str]:
        """Return what must change before it is worth another try."""
        return refusers(self.diagnosis) if self.waits_for is None else self.waits_for

    def __str__(self) -> str:
        """Say it in kube-scheduler's words."""
        if self.words:
            return self.words if self.preemption is None else f"{self.words} {self.preemption}"
        return f"{self.diagnosis}" if self.preemption is None else f"{self.diagnosis} {self.preemption}"


Outcome: TypeAlias = Placement | Refusal


class Cycle:
    """Decides about one pod after the other; `seed` says which of equally good nodes each takes."""

    def __init__(self, state: ClusterState, policy: Policy, *, seed: int = 0) -> None:
        self._state = state
        self.policy = policy
        self._rng = random.Random(seed)  # noqa: S311  ties

    def fit(self, pod: Pod) -> Fit | Diagnosis:
        """Choose a node, or say why there is none; books nothing."""
        return fit(pod, self._state.snapshot, self.order(), self.policy)

    def book(self, queued: QueuedPod, chosen: Fit, now: float, deadline: float | None = None) -> Placement:
        """Book the node that was chosen for a pod."""
        snapshot = self._state.snapshot
        self._state.assume(chosen)
        given = given_gpus(chosen.row, snapshot, chosen.column) if self.policy is GPU else EMPTY
        return Placement(queued, queued.pod, chosen, snapshot.table.nodes[chosen.column], given, now, deadline)

    def refuse(
        self, queued: QueuedPod, diagnosis: Diagnosis, now: float, *, spared: Container[ObjectKey] = frozenset()
    ) -> Refusal:
        """Say where room could be made for a pod that fits nowhere, and promise it; nobody `spared` is to go."""
        pod, snapshot = queued.pod, self._state.snapshot
        preemption = None
        if not diagnosis.problem and len(snapshot.table):
            budgets = self._state.budgets()
            preemption = preempt(pod, snapshot, self.order(), budgets, self.policy, spared=spared)
        if isinstance(preemption, Preemption):
            self._state.promise(pod, preemption.node, preemption.outranked)
        return Refusal(queued, pod, diagnosis, preemption, now)

    def order(self) -> int:
        """Begin at another node each time, so that equally good ones fill evenly."""
        nodes = len(self._state.snapshot.table)
        return self._rng.randrange(nodes) if nodes else 0
