"""Which pods may be moved now: whether somebody makes them anew, and what disruption budgets and the caller allow.

The server has the last word on each eviction; this is so that nothing is begun which it would not let be finished.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import controller_of
from kubewright.api.policy import PodDisruptionBudget
from kubewright.placement.victims import covers


@dataclass(slots=True)
class _Left:
    """How many disruptions of a budget are left."""

    budget: PodDisruptionBudget
    count: int


class Allowance:
    """What may go: each budget's disruptions, and at most so many pods in all. Spent as pods are let go."""

    def __init__(self, budgets: Iterable[PodDisruptionBudget], most: int) -> None:
        self._of: defaultdict[str, list[_Left]] = defaultdict(list)
        """By namespace."""
        for each in budgets:
            self._of[each.metadata.namespace].append(_Left(each, each.status.disruptions_allowed))
        self._most = most

    def lets(self, pod: Pod) -> bool:
        """Let one pod go as far as its budgets are concerned, whoever makes it anew."""
        return self._spend((pod,))

    def would_let(self, pod: Pod) -> bool:
        """Tell whether its budgets would let one pod go now, and spend nothing."""
        own = self._covering(pod)
        return len(own) <= 1 and all(each.count > 0 for each in own)

    def never_lets(self, pod: Pod) -> bool:
        """Tell whether a budget never lets a pod go: all that it is about are well, and still none may be missing."""
        return any(
            each.budget.status.disruptions_allowed <= 0
            and each.budget.status.current_healthy >= each.budget.status.expected_pods
            for each in self._covering(pod)
        )

    def spend(self, pods: Sequence[Pod]) -> bool:
        """Let pods go together, if all of them may; else none is, and nothing is spent."""
        if len(pods) > self._most or not all(is_movable(each) for each in pods):
            return False
        return self._spend(pods)

    def _spend(self, pods: Sequence[Pod]) -> bool:
        spent: list[_Left] = []
        for pod in pods:
            own = self._covering(pod)
            # The server lets nobody evict a pod of two budgets.
            if len(own) > 1 or any(each.count <= 0 for each in own):
                for each in spent:
                    each.count += 1
                return False
            for each in own:
                each.count -= 1
            spent += own
        self._most -= len(pods)
        return True

    def _covering(self, pod: Pod) -> list[_Left]:
        return [each for each in self._of.get(pod.metadata.namespace, ()) if covers(each.budget, pod)]


def is_movable(pod: Pod) -> bool:
    """Tell whether a pod that is taken away is made anew, elsewhere if need be."""
    return controller_of(pod) is not None and not pod.stays_on_node
