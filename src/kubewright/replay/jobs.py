"""Jobs in a replay: pods that run for their time and end; a gang runs from when its last pod is there."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubewright.replay.cluster import Cluster, Member
from kubewright.replay.ledger import Ledger
from kubewright.replay.turns import Later, Turns
from kubewright.replay.workload import Work

GANG_PATIENCE_SECONDS = 1800.0
RESUBMIT_SECONDS = 600.0
"""Pods of a gang that was placed one by one wait so long for the rest (three rendezvous of ten minutes); then the job
has failed, and its owner asks again after this.
"""


@dataclass(frozen=True, slots=True)
class Here:
    """What all jobs share."""

    cluster: Cluster
    turns: Turns
    ledger: Ledger
    later: Later


@dataclass(slots=True, eq=False)
class Job:
    """One job's pods."""

    work: Work
    here: Here
    members: list[Member] = field(default_factory=list[Member])
    left: int = 0
    started: bool = False
    tries: int = 0

    @property
    def gang_size(self) -> int:
        """Return how many of its pods come and go as one."""
        return self.work.pods if self.work.together else 0

    def begin(self, now: float) -> None:
        """Ask for its pods."""
        work, cluster = self.work, self.here.cluster
        self.left = work.pods
        for number in range(work.pods):
            pod = cluster.pod(work.team, f"{work.name}-{number}", work.request)
            gpu = work.request.all_gpu_milli * 0.9
            used = work.request.cpu_milli * work.cpu_share, work.request.memory_mib * work.memory_share, gpu
            self.members.append(Member(self, number, work.team, work.request, pod, now, *used))
        self._ask(now)

    def _ask(self, now: float) -> None:
        self.tries += 1
        waiting = [each for each in self.members if each.column < 0 and not each.gone]
        self.here.turns.ask(waiting, now, together=self.work.together)
        if self.work.together and not self.started:
            tries = self.tries
            self.here.later(now + GANG_PATIENCE_SECONDS, lambda at: self._lose_patience(at, tries))

    def bound(self, member: Member, now: float) -> None:
        """Run, or wait for the rest of the gang."""
        if not self.work.together:
            self._run(member, now)
        elif not self.started and all(each.column >= 0 for each in self.members):
            self.started = True
            for each in self.members:
                self._run(each, now)

    def _run(self, member: Member, now: float) -> None:
        member.ready = True
        run = member.run
        self.here.later(now + self.work.seconds, lambda at: self._end(member, run, at))

    def _end(self, member: Member, run: int, now: float) -> None:
        if member.run != run or member.column < 0:
            return
        self.here.cluster.free(member)
        member.gone = True
        self.here.ledger.finished += 1
        self.left -= 1
        if not self.left and self.work.deadline_seconds is not None:
            self.here.ledger.deadlines += 1
            self.here.ledger.deadlines_missed += now > self.work.at + self.work.deadline_seconds
        self.here.turns.room_was_made(now)

    def evicted(self, member: Member, now: float) -> None:
        """Begin again: the pod, or with one of a gang all of it."""
        self.lost([member], now, now)

    def lost(self, members: list[Member], now: float, again_at: float) -> None:
        """Lose pods, which are asked for anew at a later time; what they did is lost, too."""
        hit = [each for each in self.members if each.column >= 0] if self.work.together else members
        for each in hit:
            self.here.cluster.free(each)
        for each in self.members if self.work.together else ():
            self.here.turns.withdraw(each)
        self.started = False
        self.here.later(max(again_at, now), self._again)

    def _again(self, now: float) -> None:
        for each in self.members:
            self.here.turns.withdraw(each)
        self._ask(now)

    def _lose_patience(self, now: float, tries: int) -> None:
        held = [each for each in self.members if each.column >= 0]
        if self.started or self.tries != tries or not held:
            return
        for each in held:
            self.here.cluster.free(each)
            self.here.ledger.evicted("gang that never was whole")
        for each in self.members:
            self.here.turns.withdraw(each)
        self.tries += 1
        self.here.later(now + RESUBMIT_SECONDS, self._ask)
        self.here.turns.room_was_made(now)
