"""Apps and the pods that share their requests: who takes how much, since when.

All ready pods of an app take an even share. Pods that also have equal profiles and limits form a group, whose totals
are those of any of its pods; a pod's own are the group's since it joined. So one more ready pod costs its app one
addition a group, however many pods there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kubewright.twin.usage.profile import Load
from kubewright.twin.usage.serving import NO_TOTALS, Serving, Totals


@dataclass(frozen=True, slots=True)
class Part:
    """What decides how a pod fares under its share: the load, the cpu for it, and when the load began."""

    load: Load
    cores: float
    origin: float


@dataclass(frozen=True, slots=True)
class _Group:
    """Pods of one part; `totals` is what one that was there all along had counted at `since`."""

    totals: Totals
    since: float
    pods: int
    """Of the whole app."""
    members: int = 0

    def at(self, part: Part, now: float) -> Totals:
        if now <= self.since or not self.pods:
            return self.totals
        return self.totals + self.serving(part).between(self.since, now, part.origin)

    def serving(self, part: Part) -> Serving:
        return Serving(part.load, self.pods, part.cores)


@dataclass(slots=True)
class App:
    """The pods that share one app's requests; `began_at` is when its load began, if that is not daily."""

    began_at: float
    _groups: dict[Part, _Group] = field(default_factory=dict[Part, _Group])
    _pods: int = 0

    def join(self, part: Part, now: float) -> Totals:
        """Let a pod take its share from now on; returns where its group's totals stand."""
        if part not in self._groups:
            self._groups[part] = _Group(NO_TOTALS, now, self._pods)
        self._share(now, self._pods + 1)
        group = self._groups[part] = replace(self._groups[part], members=self._groups[part].members + 1)
        return group.totals

    def leave(self, part: Part, now: float) -> None:
        """Let a pod take nothing more."""
        self._share(now, self._pods - 1)
        group = replace(self._groups[part], members=self._groups[part].members - 1)
        if group.members:
            self._groups[part] = group
        else:
            del self._groups[part]

    def totals(self, part: Part, now: float) -> Totals:
        """Return a group's totals."""
        return self._groups[part].at(part, now)

    def serving(self, part: Part) -> Serving:
        """Return how each pod of a group fares now."""
        return self._groups[part].serving(part)

    def _share(self, now: float, pods: int) -> None:
        self._groups = {
            part: replace(group, totals=group.at(part, now), since=now, pods=pods)
            for part, group in self._groups.items()
        }
        self._pods = pods
