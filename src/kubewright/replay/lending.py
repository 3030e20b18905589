"""Nodes that are given back and come again in a replay: by `nodepools.consolidate`, with room kept free.

Every five minutes the emptiest nodes are asked whether all their pods would find places elsewhere. Those that can go
are cordoned, their applications' pods move, their jobs end where they are; a node that is empty is given back. When
pods wait, cordoned nodes are opened again, then new ones ordered, which are there after a while.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kubewright.nodepools.consolidate import Candidate, spare
from kubewright.replay.cluster import CPU_ROW, MEMORY_ROW, Cluster
from kubewright.replay.configuration import Configuration
from kubewright.replay.ledger import Ledger
from kubewright.replay.services import Service
from kubewright.replay.turns import Later, Turns

EVERY_SECONDS = 300.0
ARRIVES_SECONDS = 90.0
HEADROOM = 0.12
"""Share of what there is that stays free."""
MOVED_AT_ONCE = 0.1
"""Share of an application's pods that may be missing, or one of them: those that start count as well."""
AT_ONCE = 0.04
"""Share of the nodes that may be on their way out at a time."""
_FULL_ENOUGH = 0.75
"""Nodes that are fuller are not asked."""


class Lending:
    """Gives nodes back and takes them again, where the configuration lets it: else nobody asks it to."""

    def __init__(
        self, cluster: Cluster, turns: Turns, ledger: Ledger, later: Later, configuration: Configuration
    ) -> None:
        self._cluster, self._turns, self._ledger, self._later = cluster, turns, ledger, later
        self._configuration = configuration
        self.leaving: set[int] = set()
        self.coming: set[int] = set()
        self.down: set[int] = set()
        """Nodes that a fault keeps away."""

    def turn(self) -> None:
        """Empty what can be emptied."""
        for has_gpus in (False, True):
            self._empty(has_gpus=has_gpus)

    def look(self, now: float) -> None:
        """Give back what is empty, and have nodes come for pods that wait."""
        cluster = self._cluster
        for column in sorted(self.leaving):
            if not cluster.members[column]:
                cluster.provisioned[column] = False
                self.leaving.discard(column)
        self._drain(now)
        if self._turns.waiting:
            self._bring(now)

    def _empty(self, *, has_gpus: bool) -> None:
        cluster = self._cluster
        table, requested = cluster.snapshot.table, cluster.snapshot.requested
        pool = (cluster.gpus > 0) == has_gpus
        there = pool & cluster.provisioned & ~cluster.closed
        most = math.ceil(AT_ONCE * int(pool.sum())) - sum(bool(pool[each]) for each in self.leaving)
        free = [float((table.allocatable[row] - requested[row])[there].sum()) for row in (CPU_ROW, MEMORY_ROW)]
        offered = [table.allocatable[row] for row in (CPU_ROW, MEMORY_ROW)]
        room = min(
            (free[row] - HEADROOM * float(offered[row][there].sum())) / max(float(offered[row][pool].mean()), 1.0)
            for row in (0, 1)
        )
        most = min(most, math.floor(room), int(there.sum()) - 1)
        if most <= 0:
            return
        candidates = [self._candidate(column) for column in self._emptiest(there, fullness=self._fullness(has_gpus))]
        policy = self._configuration.policy(gpus=has_gpus)
        found = spare(cluster.snapshot, candidates[: 3 * most], most, policy, cluster.closed_names)
        columns = [table.columns[each.name] for each in found.nodes]
        self.leaving.update(columns)
        cluster.close(columns, closed=True)

    def _drain(self, now: float) -> None:
        """Move applications' pods off nodes that are to go, few of each at a time, as their budgets let them."""
        for column in sorted(self.leaving):
            for member in list(self._cluster.members[column].values()):
                service = member.owner
                if not isinstance(service, Service):
                    continue
                missing = service.replicas - int(service.fleet.ready[service.number])
                if missing < max(1, int(service.replicas * MOVED_AT_ONCE)):
                    self._ledger.evicted("moved off a node")
                    service.evicted(member, now)

    def _fullness(self, has_gpus: bool) -> NDArray[np.float64]:
        cluster = self._cluster
        requested, offered = cluster.snapshot.requested, cluster.snapshot.table.allocatable
        full = np.maximum(requested[CPU_ROW] / offered[CPU_ROW], requested[MEMORY_ROW] / offered[MEMORY_ROW])
        if has_gpus:
            for column, members in enumerate(cluster.members):
                if any(each.request.gpus and not isinstance(each.owner, Service) for each in members.values()):
                    full[column] = 1.0
        return full

    def _emptiest(self, there: NDArray[np.bool_], *, fullness: NDArray[np.float64]) -> list[int]:
        wanted = np.flatnonzero(there & (fullness < _FULL_ENOUGH))
        return [int(each) for each in wanted[np.argsort(fullness[wanted], kind="stable")]]

    def _candidate(self, column: int) -> Candidate:
        return Candidate(self._cluster.nodes[column], 1.0, 0.0)

    def _bring(self, now: float) -> None:
        """Open or order as many nodes as the pods that wait would fill."""
        cluster = self._cluster
        waiting = [each for group in self._turns.waiting.values() for each in group]
        for has_gpus in (True, False):
            pool = (cluster.gpus > 0) == has_gpus
            wanted = [each.request for each in waiting if bool(each.request.gpus) == has_gpus]
            if not wanted:
                continue
            node_cpu, node_memory = float(cluster.cpu[pool].mean()), float(cluster.memory[pool].mean())
            needs = [
                sum(each.cpu_milli for each in wanted) / node_cpu,
                sum(each.memory_mib for each in wanted) / node_memory,
            ]
            if has_gpus:
                needs.append(sum(each.all_gpu_milli for each in wanted) / 1000 / float(cluster.gpus[pool].mean()))
            count = math.ceil(max(needs) * 1.1) - sum(bool(pool[each]) for each in self.coming)
            self._open(pool, count, now)

    def _open(self, pool: NDArray[np.bool_], count: int, now: float) -> None:
        cluster = self._cluster
        back = [each for each in sorted(self.leaving) if pool[each]][: max(count, 0)]
        self.leaving.difference_update(back)
        cluster.close(back, closed=False)
        if back:
            self._turns.room_was_made(now)
        away = np.flatnonzero(pool & ~cluster.provisioned)
        ordered = [int(each) for each in away if int(each) not in self.coming | self.down][: max(count - len(back), 0)]
        if ordered:
            # Paid for from the order on.
            self.coming.update(ordered)
            cluster.provisioned[ordered] = True
            self._later(now + ARRIVES_SECONDS, lambda at: self._arrive(ordered, at))

    def _arrive(self, columns: list[int], now: float) -> None:
        self.coming.difference_update(columns)
        self._cluster.close([each for each in columns if each not in self.down], closed=False)
        self._turns.room_was_made(now)
