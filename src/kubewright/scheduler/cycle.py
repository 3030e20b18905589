"""One pod's turn: where it goes, or why it stays. Decided at once, on the state as it is; nothing is awaited here.

pop -> feasible -> rank -> select -> assume -> bind
no node -> wait for news
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.core import Node, Pod
from kubewright.api.meta import EMPTY
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit, fit
from kubewright.placement.gpus import given_gpus
from kubewright.placement.policy import GPU, Policy
from kubewright.placement.preempt import NoPreemption, Preemption, preempt
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A pod that fits nowhere: to be told why, and those to be evicted that it may push aside."""

    queued: QueuedPod
    pod: Pod
    diagnosis: Diagnosis
    preemption: Preemption | NoPreemption | None
    """None where it was not even looked for: something is wrong whatever the node."""
    began_at: float

    def __str__(self) -> str:
        """Say it in kube-scheduler's words."""
        return f"{self.diagnosis}" if self.preemption is None else f"{self.diagnosis} {self.preemption}"


Outcome: TypeAlias = Placement | Refusal


class Cycle:
    """Decides about one pod after the other; `seed` says which of equally good nodes each takes."""

    def __init__(self, state: ClusterState, policy: Policy, *, seed: int = 0) -> None:
        self._state = state
        self._policy = policy
        self._rng = random.Random(seed)  # noqa: S311  ties

    def decide(self, queued: QueuedPod, now: float) -> Outcome:
        """Choose a node and book it; if there is none, say why, and where room could be made, which is promised."""
        pod, snapshot = queued.pod, self._state.snapshot
        order = self._order(len(snapshot.table))
        outcome = fit(pod, snapshot, order, self._policy)
        if isinstance(outcome, Diagnosis):
            preemption = None
            if not outcome.problem and len(snapshot.table):
                preemption = preempt(pod, snapshot, order, self._state.budgets(), self._policy)
            if isinstance(preemption, Preemption):
                self._state.promise(pod, preemption.node, preemption.outranked)
            return Refusal(queued, pod, outcome, preemption, now)
        self._state.assume(outcome)
        given = given_gpus(outcome.row, snapshot, outcome.column) if self._policy is GPU else EMPTY
        return Placement(queued, pod, outcome, snapshot.table.nodes[outcome.column], given, now)

    def _order(self, nodes: int) -> int:
        """Begin at another node each time, so that equally good ones fill evenly."""
        return self._rng.randrange(nodes) if nodes else 0
