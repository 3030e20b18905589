"""One order in which a node is emptied, for whoever empties one: who goes now, and who waits for what. Pure.

Pods go by ascending priority, of equals those with volumes first, since these take longest to move; what the cluster
itself needs (`system-*-critical`) only when all others have gone. Each goes as its budgets let it. Past the deadline,
which is the caller's, those go without being asked whom a budget would never let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.disruption.budget import Allowance, is_movable

CRITICAL_PRIORITY = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done now."""

    evictions: tuple[Pod, ...] = ()
    deletions: tuple[Pod, ...] = ()
    left: tuple[Pod, ...] = ()
    """All who are still to go, or on their way."""
    blocked: tuple[str, ...] = ()
    """Why some do not go now."""


def must_leave(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Return who has to go for a node to be empty; whoever goes already, or comes back to the node, does not count."""
    return tuple(each for each in pods if not (each.is_finished or each.is_terminating or each.stays_on_node))


def in_order(pods: Iterable[Pod]) -> list[Pod]:
    """Return pods in the order in which they go."""
    return sorted(pods, key=lambda each: (each.spec.priority, not _has_claims(each), each.key))


def turn(pods: Sequence[Pod], allowance: Allowance, *, past_budgets: bool = False) -> Turn:
    """Decide on a node's pods; what they need of `allowance` is spent."""
    staying = in_order(must_leave(pods))
    going = tuple(each for each in pods if each.is_terminating and not each.stays_on_node)
    left = (*staying, *going)
    evictions: list[Pod] = []
    deletions: list[Pod] = []
    blocked: list[str] = []
    ordinary = any(each.spec.priority < CRITICAL_PRIORITY for each in left)
    for pod in staying:
        if ordinary and pod.spec.priority >= CRITICAL_PRIORITY:
            blocked.append(f"{pod.key} goes when all others have gone")
        elif not is_movable(pod):
            blocked.append(f"{pod.key} is made anew by nobody")
        elif allowance.lets(pod):
            evictions.append(pod)
        elif past_budgets and allowance.never_lets(pod):
            deletions.append(pod)
        else:
            blocked.append(f"{pod.key} may not go by its PodDisruptionBudget")
    return Turn(tuple(evictions), tuple(deletions), left, tuple(blocked))


def _has_claims(pod: Pod) -> bool:
    return any(each.persistent_volume_claim is not None for each in pod.spec.volumes)
