"""Applications in a replay: load that is served, promises kept or broken, and replicas that follow by a policy.

A step of all of them is a few operations on columns, by the rules of `scaling.queueing`; how many replicas there are to
be is asked of `scaling.policies`, one application at a time, as their autoscalers do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kubewright.replay.cluster import CPU_ROW, Cluster, Member
from kubewright.replay.configuration import Configuration
from kubewright.replay.foreseeing import Foreseeing
from kubewright.replay.ledger import Ledger
from kubewright.replay.requests import requested
from kubewright.replay.turns import Later, Turns
from kubewright.replay.workload import STEP_SECONDS, Application, Request
from kubewright.scaling.policies import Reactive
from kubewright.scaling.queueing import FULL, LATE_SECONDS, Conditions, Policy, Seen

STARTS_FULL = 0.7
"""The day begins with as many replicas as have this use."""
LAG_STEPS = 2
"""How old the latest measurement is, as `queueing.Conditions` has it."""


@dataclass(slots=True, eq=False)
class Service:
    """One application's pods."""

    number: int
    application: Application
    request: Request
    fleet: Fleet = field(repr=False)
    members: list[Member] = field(default_factory=list[Member])
    """In the order in which they were asked for; those that wait as well."""
    policy: Policy | None = None
    named: int = 0
    never: set[int] = field(default_factory=set[int])
    """Pods of a bad release, by identity."""
    leaving: set[int] = field(default_factory=set[int])
    """Pods of an older release, by identity, that serve until those in their place do."""

    @property
    def replicas(self) -> int:
        """Return how many pods there are to be: what a release has beside them while it rolls is not among them."""
        return len(self.members) - len(self.leaving)

    @property
    def gang_size(self) -> int:
        """Return 0: each pod comes and goes by itself."""
        return 0

    def add(self, count: int, now: float, *, starts: bool = True) -> list[Member]:
        """Ask for so many pods; of a bad release they never serve, and are beside those that are counted."""
        application, cluster = self.application, self.fleet.cluster
        found: list[Member] = []
        for _ in range(count):
            self.named += 1
            pod = cluster.pod(application.team, f"{application.name}-{self.named}", self.request)
            memory = application.request.memory_mib * application.memory_share
            gpu = application.gpu_share * 1000
            found.append(Member(self, self.named, application.team, self.request, pod, now, 0.0, memory, gpu))
        if starts:
            self.members += found
        else:
            self.never.update(map(id, found))
        self.fleet.turns.ask(found, now)
        return found

    def bound(self, member: Member, now: float) -> None:
        """Serve after the start."""
        run = member.run
        if id(member) not in self.never:
            self.fleet.later(now + self.application.startup_seconds, lambda _: self._start(member, run))

    def _start(self, member: Member, run: int) -> None:
        if member.run == run and member.column >= 0 and not member.ready:
            member.ready = True
            self.fleet.count(self, member.column, 1)

    def evicted(self, member: Member, now: float) -> None:
        """Lose a pod, and ask for another at once, as its ReplicaSet does."""
        replaced = self.is_replaced(member)
        self.stop(member)
        if replaced:
            self.add(1, now)

    def is_replaced(self, member: Member) -> bool:
        """Tell whether another pod is asked for when this one is lost."""
        return id(member) not in self.never and id(member) not in self.leaving

    def stop(self, member: Member) -> None:
        """Let a pod go for good."""
        if member.column >= 0:
            self.leave(member)
        else:
            self.fleet.turns.withdraw(member)
        member.gone = True
        if id(member) in self.never:
            self.never.discard(id(member))
        else:
            self.members.remove(member)
            self.leaving.discard(id(member))
        self.fleet.ledger.removed += 1

    def leave(self, member: Member) -> None:
        """Take a pod off its node."""
        if member.ready:
            self.fleet.count(self, member.column, -1)
        self.fleet.cluster.free(member)

    def take(self, count: int) -> None:
        """Let so many go: first those that wait, then those that start, then the youngest."""
        staying = (each for each in self.members if id(each) not in self.leaving)
        ranked = sorted(staying, key=lambda each: (each.column >= 0, each.ready, -each.number))
        for each in ranked[:count]:
            self.stop(each)


class Fleet:
    """All applications, as columns."""

    def __init__(
        self,
        applications: Sequence[Application],
        cluster: Cluster,
        turns: Turns,
        ledger: Ledger,
        later: Later,
        *,
        configuration: Configuration,
    ) -> None:
        self.cluster, self.turns, self.ledger, self.later = cluster, turns, ledger, later
        count = len(applications)
        self.services = [
            Service(number, each, requested(each, sizes=configuration.sizes), self)
            for number, each in enumerate(applications)
        ]
        self.per_pod: NDArray[np.float64] = np.array([each.rate_per_pod * STEP_SECONDS for each in applications])
        self._milli = np.array([each.cores_per_request() * 1000 / STEP_SECONDS for each in applications])
        """Thousandths of cores that one request a step comes to."""
        self.ready = np.zeros(count, np.int64)
        self.on_nodes = np.zeros((count, len(cluster.nodes)), np.int64)
        """Shape (n_applications, n_nodes): ready pods."""
        self._queued = np.zeros(count)
        self._slow = np.ones(count)
        self.used_milli = np.zeros(count)
        """What each application's ready pods use in all, in the last step."""
        self._violated = np.zeros(count, np.int64)
        self._measured: deque[tuple[NDArray[np.float64], NDArray[np.float64]]] = deque(maxlen=LAG_STEPS + 1)
        for each in self.services:
            self._prepare(each, configuration)

    def _prepare(self, service: Service, configuration: Configuration) -> None:
        application = service.application
        if not application.scaled:
            return
        conditions = Conditions(application.startup_seconds, application.rate_per_pod, least=application.replicas)
        if configuration.target is not None:
            service.policy = Reactive(configuration.target, conditions)
            return
        service.policy = Foreseeing(application)

    def begin(self) -> None:
        """Start the day with pods that run already."""
        for each in self.services:
            application = each.application
            wanted = application.replicas
            if application.scaled:
                first = float(application.load[0])
                wanted = max(wanted, int(np.ceil(first / (STARTS_FULL * self.per_pod[each.number]))))
            for member in each.add(wanted, 0.0):
                if member.column >= 0:
                    member.ready = True
                    self.count(each, member.column, 1)

    def lose(self, service: Service, member: Member, again_at: float) -> None:
        """Lose a pod with its node: it serves no more, and is one of the replicas until that is noticed."""
        if id(member) in service.never:
            service.stop(member)
            return
        service.leave(member)
        self.later(again_at, lambda now: None if member.gone else service.evicted(member, now))

    def count(self, service: Service, column: int, sign: int) -> None:
        """Note that a pod serves from now on, or no more."""
        self.ready[service.number] += sign
        self.on_nodes[service.number, column] += sign

    def serve(self, step: int, arrived: NDArray[np.float64]) -> None:
        """Serve one step of the load, and scale by what was measured."""
        capacity = self.ready * self.per_pod * self._slow
        load = self._queued + arrived
        served = np.minimum(load, capacity)
        self._queued = load - served
        wait = np.divide(self._queued * STEP_SECONDS, capacity, out=np.full(len(capacity), np.inf), where=capacity > 0)
        late = np.where(self._queued > 0, wait, 0.0) > LATE_SECONDS
        self._violated += late | (arrived > FULL * capacity)
        # A person who cannot wait gives up: what waits longer than a minute is lost, not served at night.
        self._queued = np.minimum(self._queued, 4.0 * np.maximum(capacity, self.per_pod))
        use = np.divide(served, capacity, out=np.zeros(len(capacity)), where=capacity > 0)
        self.used_milli = served * self._milli
        self._measured.append((arrived, use))
        self._scale((step + 1) * float(STEP_SECONDS))

    def _scale(self, now: float) -> None:
        arrived, use = self._measured[0]
        for each in self.services:
            if each.policy is None:
                continue
            number = each.number
            all_ready, n_all = int(self.ready[number]), each.replicas
            n_ready = min(all_ready, n_all)
            # While a release rolls more pods may serve than are wanted: these are as busy as all of them together.
            share = all_ready / n_ready if n_ready else 1.0
            seen = Seen(now, n_ready, n_all - n_ready, float(arrived[number]), share * float(use[number]))
            wanted = max(each.policy.replicas(seen), each.application.replicas)
            if wanted == n_all:
                continue
            self.ledger.scalings += 1
            if wanted > n_all:
                each.add(wanted - n_all, now)
            else:
                each.take(n_all - wanted)
                self.turns.room_was_made(now)

    def cpu_used(self) -> NDArray[np.float64]:
        """Return what is used of each node's cpu, in thousandths of cores: there may be less than is wanted."""
        per_pod = np.divide(self.used_milli, self.ready, out=np.zeros(len(self.ready)), where=self.ready > 0)
        return self.cluster.own_cpu + per_pod @ self.on_nodes

    def contend(self) -> None:
        """Let pods on nodes that are asked for more cpu than they have serve that much less."""
        wanted = self.cpu_used()
        offered = self.cluster.snapshot.table.allocatable[CPU_ROW]
        speed = np.minimum(1.0, offered / np.maximum(wanted, 1.0))
        if speed.min() >= 1.0:
            self._slow = np.ones(len(self.ready))
            return
        self._slow = np.divide(self.on_nodes @ speed, self.ready, out=np.ones(len(self.ready)), where=self.ready > 0)

    def close(self) -> None:
        """Write down what promises were broken."""
        for each in self.services:
            self.ledger.violated(each.application.team, int(self._violated[each.number]))
