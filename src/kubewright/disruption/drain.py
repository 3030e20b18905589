"""One drain for whoever empties a node: who goes now, who waits for what, what becomes of who never may. Pure.

Pods go by ascending priority, of equals those with volumes first, since these take longest to move; what the cluster
itself needs (`system-*-critical`) only when all others have gone. Each goes as its budgets let it. When the deadline
has passed, the order says what becomes of the rest: they are waited for, the drain is given up, or they are deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from kubewright.api.core import Node, Pod
from kubewright.api.meta import Leaf, parse_time
from kubewright.api.policy import PodDisruptionBudget
from kubewright.disruption.budget import Allowance, is_movable

DRAIN = "kubewright.dev/drain"
"""The annotation of a node that is being drained: its `Order` as JSON. So whoever begins anew goes on."""
WAIT, GIVE_UP, DELETE = "Wait", "GiveUp", "Delete"
DEADLINE_SECONDS = 120
CRITICAL_PRIORITY = 2_000_000_000


class Order(Leaf, frozen=True):
    """What is to become of a node's pods."""

    by: str = ""
    """The service."""
    why: str = ""
    since: str = ""
    """RFC 3339."""
    deadline_seconds: int = DEADLINE_SECONDS
    when_late: str = WAIT
    force: bool = False
    """Whether pods go that nobody makes anew."""
    about: str = ""
    """What its permit is about; `drain/NODE` if not said."""
    fault: str = ""
    urgency: int = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done now."""

    evictions: tuple[Pod, ...] = ()
    deletions: tuple[Pod, ...] = ()
    left: tuple[Pod, ...] = ()
    """All who are still to go, or on their way."""
    blocked: tuple[str, ...] = ()
    """Why some do not go now."""
    gave_up: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nobody is left who would have to go."""
        return not self.left


def must_leave(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Return who has to go for a node to be empty; whoever goes already, or comes back to the node, does not count."""
    return tuple(each for each in pods if not (each.is_finished or each.is_terminating or each.stays_on_node))


def in_order(pods: Iterable[Pod]) -> list[Pod]:
    """Return pods in the order in which they go."""
    return sorted(pods, key=lambda each: (each.spec.priority, not _has_claims(each), each.key))


def order_of(node: Node) -> Order | None:
    """Return the order that a node is drained by; None if it is not drained, or if nobody can read it."""
    try:
        return msgspec.json.decode(node.metadata.annotations.get(DRAIN, ""), type=Order)
    except msgspec.DecodeError:
        return None


def turn(order: Order, pods: Sequence[Pod], budgets: Iterable[PodDisruptionBudget], now: float) -> Turn:
    """Decide on a node's pods."""
    staying = in_order(must_leave(pods))
    going = tuple(each for each in pods if each.is_terminating and not each.stays_on_node)
    left = (*staying, *going)
    late = now - _since(order) > order.deadline_seconds
    if staying and late and order.when_late == GIVE_UP:
        named = f"{staying[0].key} among them"
        return Turn(left=left, blocked=(f"{len(staying)} pods, {named}, are left after the deadline",), gave_up=True)
    allowance = Allowance(budgets, len(staying))
    evictions: list[Pod] = []
    deletions: list[Pod] = []
    blocked: list[str] = []
    ordinary = any(each.spec.priority < CRITICAL_PRIORITY for each in left)
    for pod in staying:
        if ordinary and pod.spec.priority >= CRITICAL_PRIORITY:
            blocked.append(f"{pod.key} goes when all others have gone")
            continue
        problem = _problem(order, pod, allowance)
        if not problem:
            evictions.append(pod)
        elif late and order.when_late == DELETE:
            deletions.append(pod)
        else:
            blocked.append(f"{pod.key} {problem}")
    return Turn(tuple(evictions), tuple(deletions), left, tuple(blocked))


def _problem(order: Order, pod: Pod, allowance: Allowance) -> str:
    if not order.force and not is_movable(pod):
        return "is made anew by nobody"
    return "" if allowance.lets(pod) else "may not go by its PodDisruptionBudget"


def _since(order: Order) -> float:
    try:
        return parse_time(order.since)
    except ValueError:
        return 0.0


def _has_claims(pod: Pod) -> bool:
    return any(each.persistent_volume_claim is not None for each in pod.spec.volumes)
