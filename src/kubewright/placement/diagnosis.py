"""Why a pod fits nowhere, as data; its text is kube-scheduler's, which people and programs know how to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one filter refused, and for which reasons; a node may be refused for several."""

    filter: str
    n_nodes: int
    reasons: tuple[tuple[str, int], ...]
    """Each reason with the number of nodes that it holds for."""
    n_alone: int = 0
    """How many nodes nothing else stands in the way of: what would be won if this filter let the pod through."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How many nodes there are and what refused them."""

    n_nodes: int
    refusals: tuple[Refusal, ...] = ()
    problem: str = ""
    """What keeps the pod from every node, before any is looked at."""

    def __str__(self) -> str:
        """Write it as kube-scheduler does: `0/5 nodes are available: 2 Insufficient cpu, 3 Too many pods.`.

        The words after a problem are what its preemption found: nothing.
        """
        if not self.n_nodes:
            return "no nodes available to schedule pods"
        if self.problem:
            return f"0/{self.n_nodes} nodes are available: {self.problem}. not found"
        counts: Counter[str] = Counter()
        for refusal in self.refusals:
            counts.update(dict(refusal.reasons))
        reasons = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
        return f"0/{self.n_nodes} nodes are available: {reasons}."
