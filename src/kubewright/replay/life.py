"""One side's day: the loop that lets time pass, and what it has everybody do at which time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping

import numpy as np

from kubewright.replay.cluster import CPU_ROW, MEMORY_ROW, Cluster
from kubewright.replay.configuration import Configuration
from kubewright.replay.episodes import Episode
from kubewright.replay.jobs import Here, Job
from kubewright.replay.ledger import SAMPLE_SECONDS, SERIES, Ledger
from kubewright.replay.lending import EVERY_SECONDS, Lending
from kubewright.replay.quotas import Quotas
from kubewright.replay.services import Fleet
from kubewright.replay.troubles import Troubles
from kubewright.replay.turns import Turns
from kubewright.replay.workload import STEP_SECONDS, Day

LOOK_STEPS = 4
"""Each minute it is looked who uses what, and whether nodes are empty or wanted."""
_GIB, _MIB_A_GIB = 1 << 30, 1024


class Life:
    """A day lived through once."""

    def __init__(self, day: Day, configuration: Configuration, played: Mapping[str, Episode], seed: int) -> None:
        self._day = day
        self.ledger = Ledger()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._planned = 0
        self._cluster = Cluster(day.nodes, configuration)
        rng = random.Random(f"{seed}/ties")  # noqa: S311  a simulation
        quotas = Quotas(day, self._cluster) if configuration.queues else None
        self._turns = Turns(self._cluster, configuration, self.ledger, self._later, rng, quotas=quotas)
        self._fleet = Fleet(
            day.applications, self._cluster, self._turns, self.ledger, self._later, configuration=configuration
        )
        self._lending = Lending(self._cluster, self._turns, self.ledger, self._later, configuration)
        self._lends = configuration.nodes
        parts = self._cluster, self._turns, self._fleet, self._lending
        Troubles(day, *parts, self.ledger, self._later, played).expect()
        self._sum = np.zeros(len(SERIES))
        self._looks = 0
        self._jobs: list[Job] = []

    def _later(self, at: float, do: Callable[[float], None]) -> None:
        self._planned += 1
        heapq.heappush(self._events, (at, self._planned, do))

    def live(self) -> Ledger:
        """Live through it."""
        self._fleet.begin()
        self._turns.begin()
        here = Here(self._cluster, self._turns, self.ledger, self._later)
        self._jobs = [Job(each, here) for each in self._day.works]
        for each in self._jobs:
            self._later(each.work.at, each.begin)
        loads = np.array([each.load for each in self._day.applications])
        for step in range(self._day.seconds // STEP_SECONDS):
            end = (step + 1) * STEP_SECONDS
            self._pass(float(end))
            if len(loads):
                self._fleet.serve(step, loads[:, step])
            if self._lends:
                self._lending.hurry(float(end))
            if (step + 1) % LOOK_STEPS == 0:
                self._look(end)
        self._close()
        return self.ledger

    def _pass(self, until: float) -> None:
        events = self._events
        while events and events[0][0] <= until:
            at, _, do = heapq.heappop(events)
            do(at)

    def _look(self, now: int) -> None:
        self._fleet.contend()
        if self._lends:
            if now % EVERY_SECONDS == 0:
                self._lending.turn(float(now))
            self._lending.look(float(now))
        self._sum += self._sample()
        self._looks += 1
        if self._looks == SAMPLE_SECONDS // (LOOK_STEPS * STEP_SECONDS):
            self.ledger.samples.append(tuple(round(float(each), 3) for each in self._sum / self._looks))
            self._sum[:] = 0.0
            self._looks = 0

    def _sample(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return what is so now, in the order of `SERIES`."""
        cluster = self._cluster
        there = cluster.provisioned
        used = np.minimum(self._fleet.cpu_used(), cluster.cpu)
        return np.array(
            [
                used.sum() / 1000,
                cluster.requested(CPU_ROW) / 1000,
                cluster.cpu[there].sum() / 1000,
                cluster.memory_used.sum() / _MIB_A_GIB,
                cluster.requested(MEMORY_ROW) / _GIB,
                cluster.memory[there].sum() / _MIB_A_GIB,
                cluster.gpu_used / 1000,
                cluster.gpu_given / 1000,
                cluster.gpus[there].sum(),
                there.sum(),
                len(cluster.snapshot.placed),
                self._turns.n_waiting,
            ]
        )

    def _close(self) -> None:
        self._fleet.close()
        self.ledger.running = len(self._cluster.snapshot.placed)
        self.ledger.waiting = self._turns.n_waiting
        waiting = {id(each) for group in self._turns.waiting.values() for each in group}
        owners = (*self._jobs, *self._fleet.services)
        self.ledger.between = sum(
            each.column < 0 and not each.gone and id(each) not in waiting for owner in owners for each in owner.members
        )
