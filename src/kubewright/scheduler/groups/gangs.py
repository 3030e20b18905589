"""The gangs of a cluster, as its pods say: who is there, who is missing, and for how long.

A gang is decided as a whole on a fork (`cycle.py`), so that none ever holds a part of the room while it waits for the
rest, and two cannot wait for each other. In part it is there only while its bindings are on their way, or after it
lost pods. Then its pods are first in the queue, and when its deadline passes it gives back everything:

    started in part     bindings that failed could not be made up for in time
    lost pods           others came in their place and had no room in time; without others its owner wants it so

What was given back is not tried again at once: a minute later, then two, four, up to sixteen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.podgroups import COSCHEDULING_GROUPS, POD_GROUPS, CoschedulingGroup, PodGroup
from kubewright.client.protocol import Client
from kubewright.runtime.backoff import exponential_seconds
from kubewright.runtime.informer import Change
from kubewright.runtime.optional import OptionalInformer
from kubewright.scheduler.groups.reading import Gang, GangKey, gang_of, read_coscheduling, read_pod_group
from kubewright.scheduler.news import News

AGAIN_SECONDS, AGAIN_AT_MOST_SECONDS = 60.0, 960.0


@dataclass(slots=True)
class _Members:
    """A gang's pods, and what became of it."""

    pods: dict[ObjectKey, Pod] = field(default_factory=dict[ObjectKey, Pod])
    booked: set[ObjectKey] = field(default_factory=set[ObjectKey])
    """Those that have a node here and not yet in the cluster."""
    partial_since: float | None = None
    was_started: bool = False
    """Whether it was begun by this scheduler and has not been whole since."""

    def has_node(self, pod: Pod) -> bool:
        if pod.is_finished or pod.is_terminating:
            return False
        return bool(pod.spec.node_name) or pod.key in self.booked


class Gangs:
    """Follows pods and PodGroups; `tell` hears of what may let a gang run."""

    def __init__(self, client: Client, tell: Callable[[News], None], is_wanted: Callable[[ObjectKey], bool]) -> None:
        """Put it together; `is_wanted` tells which pods are in this scheduler's queue, or have their turn."""
        self.pod_groups: OptionalInformer[PodGroup] = OptionalInformer(client, POD_GROUPS)
        self.coscheduling: OptionalInformer[CoschedulingGroup] = OptionalInformer(client, COSCHEDULING_GROUPS)
        self._gangs: dict[GangKey, _Members] = {}
        self._read: dict[GangKey, Gang | None] = {}
        self._watched: dict[GangKey, None] = {}
        """Those that may be there in part."""
        self._again: dict[GangKey, tuple[int, float]] = {}
        """How often each gave back what it had, and when it may be tried again."""
        self._tell = tell
        self._is_wanted = is_wanted
        self.members: dict[ObjectKey, GangKey] = {}
        """The gang of each pod that has one."""
        self.pod_groups.informer.add_handler(self._on_group)
        self.coscheduling.informer.add_handler(self._on_group)

    def of(self, pod: Pod) -> Gang | None:
        """Return a pod's gang; None for a pod that is scheduled by itself."""
        key = gang_of(pod)
        return None if key is None else self.read(key)

    def read(self, key: GangKey) -> Gang | None:
        """Return what a gang asks for."""
        if key not in self._read:
            members = self._gangs.get(key, _Members())
            if key.is_pod_group:
                self._read[key] = read_pod_group(key, self.pod_groups.informer.index.get(key.object))
            else:
                group = self.coscheduling.informer.index.get(key.object)
                self._read[key] = read_coscheduling(key, group, members.pods.values())
        return self._read[key]

    def waiting(self, key: GangKey) -> list[Pod]:
        """Return the pods that have no node and want one, by priority and name."""
        members = self._gangs.get(key, _Members())
        found = [
            pod
            for pod in members.pods.values()
            if not pod.spec.node_name and pod.key not in members.booked and self._is_wanted(pod.key)
        ]
        return sorted(found, key=lambda each: (-each.spec.priority, len(each.metadata.name), each.key))

    def placed(self, key: GangKey) -> list[Pod]:
        """Return the pods that have a node and will keep it."""
        members = self._gangs.get(key, _Members())
        return [pod for pod in members.pods.values() if members.has_node(pod)]

    def missing(self, gang: Gang) -> int:
        """Return how many more pods the gang needs; those that have done their work count as there."""
        members = self._gangs.get(gang.key, _Members())
        done = sum(pod.status.phase == "Succeeded" for pod in members.pods.values())
        return max(gang.needed - len(self.placed(gang.key)) - done, 0)

    def is_partial(self, pod: Pod) -> bool:
        """Tell whether a pod's gang runs, but not all that it needs."""
        gang = self.of(pod)
        return gang is not None and bool(self.placed(gang.key)) and self.missing(gang) > 0

    def not_before(self, key: GangKey) -> float:
        """Return when a gang that gave back what it had may be tried again."""
        return self._again.get(key, (0, 0.0))[1]

    def deadline(self, gang: Gang, now: float) -> float:
        """Return until when the gang must be whole."""
        members = self._gangs.get(gang.key)
        since = members.partial_since if members is not None and members.partial_since is not None else now
        return since + gang.deadline_seconds

    def took(self, pods: list[Pod], gang: Gang, now: float) -> None:
        """Note that pods of a gang were given nodes."""
        members = self._gangs.setdefault(gang.key, _Members())
        if not self.placed(gang.key):
            members.was_started = True
        members.booked.update(pod.key for pod in pods)
        members.partial_since = members.partial_since or now
        self._watched[gang.key] = None

    def gave_back(self, pod: Pod) -> None:
        """Note that a pod has no node after all."""
        key = gang_of(pod)
        if key is not None and key in self._gangs:
            self._gangs[key].booked.discard(pod.key)
            self._watched[key] = None

    def overdue(self, now: float) -> Iterator[tuple[Gang, list[Pod]]]:
        """Yield the gangs whose deadline has passed, with the pods that they have to give back."""
        for key in list(self._watched):
            members, gang = self._gangs.get(key), self.read(key)
            if members is None or gang is None or not self._is_in_part(gang, members):
                del self._watched[key]
                if members is not None and gang is not None:
                    self._is_whole(gang, members)
                continue
            if members.partial_since is None:
                members.partial_since = now
            if now < members.partial_since + gang.deadline_seconds:
                continue
            if not members.was_started and not self.waiting(key):
                continue  # nobody wants to take the place of those that are gone
            yield gang, self._give_back(key, members, now)
        for key in [key for key, (_, at) in self._again.items() if now > at + 2 * AGAIN_AT_MOST_SECONDS]:
            del self._again[key]

    def follow(self, change: Change[Pod]) -> None:
        """Take over what became of a pod."""
        keys = [gang_of(pod) for pod in (change.old, change.new) if pod is not None]
        for key in dict.fromkeys(keys):
            if key is not None:
                self._follow(key, change)

    def _follow(self, key: GangKey, change: Change[Pod]) -> None:
        members, pod = self._gangs.setdefault(key, _Members()), change.new
        self._read.pop(key, None)
        if pod is None or gang_of(pod) != key:
            members.pods.pop(change.key, None)
            members.booked.discard(change.key)
            self.members.pop(change.key, None)
        else:
            members.pods[pod.key] = pod
            self.members[pod.key] = key
            if pod.spec.node_name or pod.is_finished or pod.is_terminating:
                members.booked.discard(pod.key)
        if not members.pods:
            for known in (self._gangs, self._watched, self._read):
                known.pop(key, None)
            return
        self._watched[key] = None
        if change.old is not None and (pod is None or pod.is_terminating or pod.is_finished):
            self._tell(News.GROUP)

    def _is_in_part(self, gang: Gang, members: _Members) -> bool:
        """Tell whether some of it has nodes in the cluster, or will have, and not as many as it needs."""
        settled = [pod for pod in members.pods.values() if members.has_node(pod) and pod.key not in members.booked]
        done = sum(pod.status.phase == "Succeeded" for pod in members.pods.values())
        if members.booked and not settled:
            return True
        return bool(settled) and len(settled) + done < gang.needed

    def _is_whole(self, gang: Gang, members: _Members) -> None:
        members.partial_since = None
        if not self.missing(gang):
            members.was_started = False
            self._again.pop(gang.key, None)

    def _give_back(self, key: GangKey, members: _Members, now: float) -> list[Pod]:
        members.partial_since, members.was_started = None, False
        times = self._again.get(key, (0, 0.0))[0]
        self._again[key] = times + 1, now + exponential_seconds(times, AGAIN_SECONDS, AGAIN_AT_MOST_SECONDS)
        return [pod for pod in self.placed(key) if pod.spec.node_name]

    def _on_group(self, change: Change[Any]) -> None:
        for is_pod_group in (True, False):
            self._read.pop(GangKey(change.key.namespace, change.key.name, is_pod_group), None)
        self._tell(News.GROUP)
