"""Pods' turns in a replay: asked for, placed by `placement`, or left to wait; and who must go for whom.

One scheduler is busy with one pod at a time. A pod that fits nowhere is tried again when room was made, at most once a
second; of equal ones, one that fails speaks for all. With Queues (`quotas`) the team has its turn that has least of its
share, and room is made by what is lent and own; without, all wait in one line by priority and age.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence

from kubewright.placement.fit import find
from kubewright.placement.policy import Policy
from kubewright.placement.preempt import Preemption, preempt
from kubewright.replay.cluster import Cluster, Member
from kubewright.replay.configuration import Configuration
from kubewright.replay.ledger import Ledger
from kubewright.replay.quotas import Quotas

RETRY_SECONDS = 1.0
COSTLY_SECONDS = 15.0
"""Between two tries to place a gang, or to push somebody aside, for equal pods."""
Later = Callable[[float, Callable[[float], None]], None]
"""Does something at a time of the day."""
_Waiting = tuple[int, list[Member]]


class Turns:
    """Gives pods nodes."""

    def __init__(
        self,
        cluster: Cluster,
        configuration: Configuration,
        ledger: Ledger,
        later: Later,
        rng: random.Random,
        *,
        quotas: Quotas | None = None,
    ) -> None:
        self._cluster, self._configuration, self._ledger, self._later = cluster, configuration, ledger, later
        self._rng, self._quotas = rng, quotas
        self._busy_until = 0.0
        self._next_retry: float | None = None
        self.waiting: dict[int, list[Member]] = {}
        """Pods, or whole gangs, in the order in which they came; by a number of their own."""
        self._came = 0
        self._not_before: dict[Hashable, float] = {}
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
        hopeless: set[Hashable] = set()
        for each in members:
            if self._kind(each) in hopeless:
                each.attempts += 1
            elif self._place(each, now, hopeless):
                continue
            hopeless.add(self._kind(each))
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

    def _kind(self, member: Member) -> Hashable:
        """Return what pods share of which one that fails speaks for all."""
        return member.request if self._quotas is None else (member.team, member.request)

    def _retry(self, now: float) -> None:
        self._next_retry = None
        hopeless: set[Hashable] = set()
        for number, members in self._in_turn(hopeless):
            if number not in self.waiting:
                continue
            first = self._kind(members[0])
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

    def _in_turn(self, hopeless: set[Hashable]) -> Iterator[_Waiting]:
        """Yield who waits, as their turns come, without who has become hopeless meanwhile."""
        lanes: dict[int, deque[_Waiting]] = {}
        quotas = self._quotas
        for each in sorted(self.waiting.items(), key=lambda item: (-item[1][0].request.priority, item[0])):
            lanes.setdefault(0 if quotas is None else each[1][0].team, deque()).append(each)
        while lanes:
            for team, lane in list(lanes.items()):
                while lane and (not lane[0][1] or self._kind(lane[0][1][0]) in hopeless):
                    lane.popleft()
                if not lane:
                    del lanes[team]
            if lanes:
                team = next(iter(lanes))
                if quotas is not None and len(lanes) > 1:
                    team = min(lanes, key=lambda each: (quotas.turn(lanes[each][0][1]), each))
                yield lanes[team].popleft()

    def _place(self, member: Member, now: float, hopeless: set[Hashable]) -> bool:
        member.attempts += 1
        order = self._rng.randrange(len(self._cluster.nodes))
        if self._place_all([member], order, now):
            return True
        if self._kind(member) in hopeless or not self._make_room([member], order, now):
            return False
        return self._place_all([member], order, now)

    def _make_room(self, members: Sequence[Member], order: int, now: float) -> bool:
        """Push aside whom it takes for pods that find no room, if anybody may be; tell whether somebody was."""
        first, policy = members[0], self._policy(members[0])
        kind = self._kind(first)
        if now < self._not_before.get(kind, 0.0):
            return False
        if self._quotas is not None:
            gone = self._quotas.who_goes(members, order, policy, now)
            for each in gone:
                self._push_aside(each, first, now)
            if not gone:
                self._not_before[kind] = now + COSTLY_SECONDS
            return bool(gone)
        if first.request.priority <= 0 or not self._would_help(first):
            return False
        self._not_before[kind] = now + COSTLY_SECONDS
        outcome = preempt(first.pod, self._cluster.snapshot, order, (), policy)
        if not isinstance(outcome, Preemption) or self._cluster.closed[outcome.column]:
            return False
        on_node = self._cluster.members[outcome.column]
        for each in [on_node[victim.key] for victim in outcome.victims]:
            self._push_aside(each, first, now)
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
        """Place all of them, or none."""
        for each in members:
            each.attempts += 1
        order = self._rng.randrange(len(self._cluster.nodes))
        placed = self._place_all(members, order, now)
        if not placed and self._quotas is not None and self._make_room(members, order, now):
            placed = self._place_all(members, order, now)
        if not placed:
            self._not_before[self._kind(members[0])] = now + COSTLY_SECONDS
        return placed

    def _place_all(self, members: Sequence[Member], order: int, now: float) -> bool:
        """Place all of them, or take back those that had found a node, as `placement.gang` does on a fork."""
        cluster, policy = self._cluster, self._policy(members[0])
        if self._quotas is not None and not self._quotas.may(members, now):
            return False
        for place, each in enumerate(members):
            found = find(each.pod, cluster.snapshot, order, policy, cluster.closed)
            if found is None:
                for other in members[:place]:
                    cluster.free(other)
                    other.run -= 1
                return False
            cluster.book(each, found)
        self._bound(members, now)
        return True

    def _bound(self, members: Sequence[Member], now: float) -> None:
        for member in members:
            member.since = now
            self._busy_until = max(self._busy_until, now) + self._configuration.scheduling_seconds
            if member.run == 1:
                self._ledger.waited(member.team, self._busy_until - member.at, first=member.attempts == 1)
            member.owner.bound(member, self._busy_until)

    def _push_aside(self, member: Member, claimant: Member, now: float) -> None:
        if member.column < 0:
            return  # went with the rest of its gang
        if self._quotas is not None and member.team != claimant.team:
            self._ledger.evicted("taken back from a team that borrowed")
            self._later(self._quotas.hold(member, now), self.room_was_made)
        else:
            self._ledger.evicted("preempted")
        member.owner.evicted(member, now)
