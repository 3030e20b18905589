"""Whose pods were pushed aside and have not run since: owners, since the pods that come in their place are others.

Reclaim asks, so that taking ends. It is kept in memory alone: a new start makes everybody a newcomer once more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from kubewright.api.core import Pod
from kubewright.api.meta import controller_of
from kubewright.scheduler.groups.reading import gang_of

OWNERS_KEPT = 10_000


class Comebacks:
    """Counts by owner; of too many the oldest are forgotten."""

    def __init__(self) -> None:
        self._missing: OrderedDict[Hashable, int] = OrderedDict()

    def pushed(self, pod: Pod) -> None:
        """Count a pod that had to go."""
        owner = _owner(pod)
        if owner is None:
            return
        self._missing[owner] = self._missing.pop(owner, 0) + 1
        if len(self._missing) > OWNERS_KEPT:
            self._missing.popitem(last=False)

    def placed(self, pod: Pod) -> None:
        """Count a pod that has a node."""
        owner = _owner(pod)
        if owner in self._missing:
            self._missing[owner] -= 1
            if not self._missing[owner]:
                del self._missing[owner]

    def any_of(self, pods: Iterable[Pod]) -> bool:
        """Tell whether one of some pods comes in place of one that was pushed aside."""
        return any(_owner(pod) in self._missing for pod in pods)


def _owner(pod: Pod) -> Hashable:
    """Return who makes another pod in its place; None for a pod by itself, which does not come back."""
    gang = gang_of(pod)
    if gang is not None:
        return gang
    owner = controller_of(pod)
    return owner.uid if owner is not None else None
