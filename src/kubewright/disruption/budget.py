"""Which pods may be moved now: whether somebody makes them anew, and what disruption budgets and the caller allow.

The server has the last word on each eviction; this is so that nothing is begun which it would not let be finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubewright.api.core import Pod
from kubewright.api.meta import controller_of
from kubewright.api.policy import PodDisruptionBudget
from kubewright.placement.victims import covers


class Allowance:
    """What may go: each budget's disruptions, and at most so many pods in all. Spent as pods are let go."""

    def __init__(self, budgets: Iterable[PodDisruptionBudget], most: int) -> None:
        self._budgets = tuple(budgets)
        self._left = [each.status.disruptions_allowed for each in self._budgets]
        self._most = most

    def lets(self, pod: Pod) -> bool:
        """Let one pod go as far as its budgets are concerned, whoever makes it anew."""
        return self._spend((pod,))

    def never_lets(self, pod: Pod) -> bool:
        """Tell whether a budget never lets a pod go: all that it is about are well, and still none may be missing."""
        return any(
            covers(each, pod)
            for each in self._budgets
            if each.status.disruptions_allowed <= 0 and each.status.current_healthy >= each.status.expected_pods
        )

    def spend(self, pods: Sequence[Pod]) -> bool:
        """Let pods go together, if all of them may; else none is, and nothing is spent."""
        if len(pods) > self._most or not all(is_movable(each) for each in pods):
            return False
        return self._spend(pods)

    def _spend(self, pods: Sequence[Pod]) -> bool:
        left = self._left.copy()
        for pod in pods:
            own = [number for number, each in enumerate(self._budgets) if covers(each, pod)]
            # The server lets nobody evict a pod of two budgets.
            if len(own) > 1 or any(left[number] <= 0 for number in own):
                return False
            for number in own:
                left[number] -= 1
        self._left, self._most = left, self._most - len(pods)
        return True


def is_movable(pod: Pod) -> bool:
    """Tell whether a pod that is taken away is made anew, elsewhere if need be."""
    return controller_of(pod) is not None and not pod.stays_on_node
