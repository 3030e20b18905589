"""Faults and releases in a replay: what an episode says of the hurt, and what the crowd loses by it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kubewright.replay.cluster import Cluster, Member
from kubewright.replay.episodes import NODE_DOWN, NODE_FAULTS, Episode
from kubewright.replay.jobs import Job
from kubewright.replay.ledger import Deployment, Ledger, Recovery
from kubewright.replay.lending import Lending
from kubewright.replay.people import mended_after
from kubewright.replay.services import Fleet, Service
from kubewright.replay.turns import Later, Turns
from kubewright.replay.workload import Day, FaultArrival, Release

NODE_AWAY_SECONDS = 1800.0
WAVES = 4
"""A release replaces a quarter of the pods at a time."""
FAILED_SECONDS = 60.0
_SETTLE_SECONDS = 5.0


class Troubles:
    """Lets a day's faults and releases come."""

    def __init__(  # noqa: PLR0917  it touches everything, as faults do
        self,
        day: Day,
        cluster: Cluster,
        turns: Turns,
        fleet: Fleet,
        lending: Lending,
        ledger: Ledger,
        later: Later,
        played: Mapping[str, Episode],
    ) -> None:
        self._day, self._cluster, self._turns, self._fleet = day, cluster, turns, fleet
        self._lending, self._ledger, self._later, self._played = lending, ledger, later, played

    def expect(self) -> None:
        """Set the times at which they come."""
        for each in self._day.faults:
            self._later(each.at, lambda now, fault=each: self._break(fault, now))
        for each in self._day.releases:
            self._later(each.at, lambda now, release=each: self._release(release, now))

    def _suffer(self, at: float, drill: str, person: float) -> Recovery:
        """Write down what an application suffers by something like a drill."""
        episode = self._played[drill]
        helped = episode.restored
        if episode.hurt and helped is None:
            helped = mended_after(person, told_at=episode.escalated)
        restored = episode.restored if episode.hurt else None
        found = Recovery(drill, episode.title, episode.hurt, restored, helped)
        self._ledger.recoveries.append(found)
        if episode.hurt and helped is not None:
            self._ledger.disturbed_minutes += min(helped, self._day.seconds - at) / 60
        return found

    def _break(self, fault: FaultArrival, now: float) -> None:
        self._suffer(now, fault.drill, fault.person)
        if fault.drill in NODE_FAULTS:
            self._lose_node(fault.target, now)

    def _lose_node(self, target: int, now: float) -> None:
        """Lose the same node on both sides, or the next that is there."""
        cluster = self._cluster
        count = len(cluster.nodes)
        after = ((target + step) % count for step in range(count))
        column = next((each for each in after if cluster.provisioned[each] and each not in self._lending.down), None)
        if column is None:
            return  # all of them are down
        self._lending.down.add(column)
        self._lending.leaving.discard(column)
        cluster.close([column], closed=True)
        noticed = self._played[NODE_DOWN].restored
        again_at = now + (NODE_AWAY_SECONDS if noticed is None else noticed)
        lost: dict[int, tuple[Job, list[Member]]] = {}
        for member in list(cluster.members[column].values()):
            self._ledger.lost += 1
            if isinstance(member.owner, Job):
                lost.setdefault(id(member.owner), (member.owner, []))[1].append(member)
            elif isinstance(member.owner, Service):
                self._fleet.lose(member.owner, member, again_at)
        for job, members in lost.values():
            job.lost([each for each in members if each.column >= 0], now, again_at)
        self._later(now + NODE_AWAY_SECONDS, lambda at: self._come_back(column, at))

    def _come_back(self, column: int, now: float) -> None:
        self._lending.down.discard(column)
        self._cluster.close([column], closed=False)
        self._turns.room_was_made(now)

    def _release(self, release: Release, now: float) -> None:
        service = self._fleet.services[release.application]
        old = [each for each in service.members if each.column >= 0]
        if not release.drill:
            self._ledger.deployments.append(Deployment(now, bad=False, failed=False))
            self._roll(service, old, math.ceil(len(old) / WAVES), now)
            return
        suffered = self._suffer(now, release.drill, release.person)
        gone = suffered.restored is None or suffered.restored > FAILED_SECONDS
        mended = suffered.with_person if suffered.hurt else None
        self._ledger.deployments.append(Deployment(now, bad=True, failed=suffered.hurt and gone, mended=mended))
        bad = service.add(math.ceil(len(old) / WAVES), now, starts=False)
        until = now + (suffered.with_person or FAILED_SECONDS)
        self._later(until, lambda at: self._undo(service, bad, at))

    def _roll(self, service: Service, old: list[Member], wave: int, now: float) -> None:
        """Replace pods, a wave after the other: new ones first."""
        left = [each for each in old if not each.gone and id(each) not in service.leaving]
        if not left:
            return
        going, rest = left[:wave], left[wave:]
        service.leaving.update(map(id, going))
        coming = service.add(len(going), now)

        def ready(at: float) -> None:
            if any(not each.ready and not each.gone for each in coming):
                self._later(at + _SETTLE_SECONDS, ready)
                return
            for each in going:
                if not each.gone:
                    service.stop(each)
            self._turns.room_was_made(at)
            self._roll(service, rest, wave, at)

        self._later(now + service.application.startup_seconds + _SETTLE_SECONDS, ready)

    def _undo(self, service: Service, bad: list[Member], now: float) -> None:
        for each in bad:
            if not each.gone:
                service.stop(each)
        self._turns.room_was_made(now)
