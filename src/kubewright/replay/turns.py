"""Pods' turns in a replay: asked for, placed by `placement`, or left to wait; and who must go for whom.

One scheduler is busy with one pod at a time. A pod that fits nowhere is tried again when room was made, at most once a
second; of equal ones, one that fails speaks for all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from kubewright.placement.fit import find
from kubewright.placement.policy import Policy
from kubewright.placement.preempt import Preemption, preempt
from kubewright.replay.cluster import Cluster, Member
from kubewright.replay.configuration import Configuration
from kubewright.replay.ledger import Ledger
from kubewright.replay.workload import Request

RETRY_SECONDS = 1.0
COSTLY_SECONDS = 15.0
"""Between two tries to place a gang, or to push somebody aside, for equal pods."""
Later = Callable[[float, Callable[[float], None]], None]
"""Does something at a time of the day."""


class Turns:
    """Gives pods nodes."""

    def __init__(
        self, cluster: Cluster, configuration: Configuration, ledger: Ledger, later: Later, rng: random.Random
    ) -> None:
        self._cluster, self._configuration, self._ledger, self._later = cluster, configuration, ledger, later
        self._rng = rng
        self._busy_until = 0.0
        self._next_retry: float | None = None
        self.waiting: dict[int, list[Member]] = {}
        """Pods, or whole gangs, in the order in which they came; by a number of their own."""
        self._came = 0
        self._not_before: dict[Request, float] = {}
        """When it is worth to try again what costs a lot: a gang, or to push somebody aside."""

    @property
    def n_waiting(self) -> int:
        """Return how many pods wait."""
        return sum(map(len, self.waiting.values()))

    def begin(self) -> None:
        """Begin the day: who has a node by now had it before."""
        self._busy_until = 0.0
        self._ledger.waits.clear()
        self._ledger.first_waits.clear()
        self._ledger.waits_of_teams.clear()

    def ask(self, members: list[Member], now: float, *, together: bool = False) -> None:
        """Find nodes for pods: for all of a gang or for none, for others one by one."""
        self._ledger.asked += sum(each.attempts == 0 for each in members)
        if together and self._configuration.gangs:
            if not self._place_gang(members, now):
                self._wait(members)
            return
        hopeless: set[Request] = set()
        for each in members:
            if each.request in hopeless:
                each.attempts += 1
            elif self._place(each, now, hopeless):
                continue
            hopeless.add(each.request)
            self._wait([each])

    def withdraw(self, member: Member) -> None:
        """Forget a pod that waits."""
        for number, group in list(self.waiting.items()):
            if member in group:
                group.remove(member)
                if not group:
                    del self.waiting[number]
                return

    def room_was_made(self, now: float) -> None:
        """Try those that wait again, soon."""
        if self.waiting and self._next_retry is None:
            self._next_retry = now + RETRY_SECONDS
            self._later(self._next_retry, self._retry)

    def _policy(self, member: Member) -> Policy:
        return self._configuration.policy(gpus=bool(member.request.gpus))

    def _wait(self, members: list[Member]) -> None:
        self._came += 1
        self.waiting[self._came] = members

    def _retry(self, now: float) -> None:
        self._next_retry = None
        hopeless: set[Request] = set()
        ranked = sorted(self.waiting.items(), key=lambda item: (-item[1][0].request.priority, item[0]))
        for number, members in ranked:
            first = members[0].request
            if first in hopeless or number not in self.waiting:
                continue
            gang = len(members) > 1
            if gang and now < self._not_before.get(first, 0.0):
                self.room_was_made(now)
                continue
            del self.waiting[number]
            placed = self._place_gang(members, now) if gang else self._place(members[0], now, hopeless)
            if not placed:
                hopeless.add(first)
                self.waiting[number] = members
        self.waiting = dict(sorted(self.waiting.items()))

    def _place(self, member: Member, now: float, hopeless: set[Request]) -> bool:
        snapshot, policy = self._cluster.snapshot, self._policy(member)
        member.attempts += 1
        order = self._rng.randrange(len(self._cluster.nodes))
        found = find(member.pod, snapshot, order, policy, self._cluster.closed)
        request = member.request
        worth = request.priority > 0 and request not in hopeless and now >= self._not_before.get(request, 0.0)
        if found is None and worth and self._would_help(member):
            self._not_before[request] = now + COSTLY_SECONDS
            outcome = preempt(member.pod, snapshot, order, (), policy)
            if isinstance(outcome, Preemption) and not self._cluster.closed[outcome.column]:
                self._push_aside(outcome, now)
                found = find(member.pod, snapshot, order, policy, self._cluster.closed)
        if found is None:
            return False
        self._cluster.book(member, found)
        self._bound(member, now)
        return True

    def _would_help(self, member: Member) -> bool:
        """Tell whether any node had room without what is less important: a glance that saves most of the searches."""
        snapshot = self._cluster.snapshot
        row = snapshot.row(member.pod)
        left = snapshot.table.allocatable - snapshot.requested + snapshot.taken_below(row.priority)
        enough = ~self._cluster.closed
        for resource, amount in row.shape.wanted:
            enough = enough & (amount <= left[resource])
        return bool(enough.any())

    def _place_gang(self, members: Sequence[Member], now: float) -> bool:
        """Place all of them, or take back those that had found a node, as `placement.gang` does on a fork."""
        cluster, policy = self._cluster, self._policy(members[0])
        order = self._rng.randrange(len(cluster.nodes))
        for place, each in enumerate(members):
            each.attempts += 1
            found = find(each.pod, cluster.snapshot, order, policy, cluster.closed)
            if found is None:
                for other in members[:place]:
                    cluster.free(other)
                    other.run -= 1
                self._not_before[members[0].request] = now + COSTLY_SECONDS
                return False
            cluster.book(each, found)
        for each in members:
            self._bound(each, now)
        return True

    def _bound(self, member: Member, now: float) -> None:
        self._busy_until = max(self._busy_until, now) + self._configuration.scheduling_seconds
        if member.run == 1:
            self._ledger.waited(member.team, self._busy_until - member.at, first=member.attempts == 1)
        member.owner.bound(member, self._busy_until)

    def _push_aside(self, preemption: Preemption, now: float) -> None:
        on_node = self._cluster.members[preemption.column]
        for victim in preemption.victims:
            member = on_node.get(victim.key)
            if member is None:
                continue  # went with the rest of its gang
            self._ledger.evicted("preempted")
            member.owner.evicted(member, now)
