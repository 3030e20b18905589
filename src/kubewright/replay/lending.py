"""Nodes that are given back and come again in a replay: by `nodepools`' decisions, with room kept free.

Every five minutes the emptiest nodes are asked whether all their pods would find places elsewhere. Those that can go
for as long as a NodePool waits by default are cordoned, their applications' pods move, their jobs end where they are;
a node that is empty is given back. When pods wait, or the room that a pool keeps is taken, `nodepools.filling` says
what is wanted: cordoned nodes are opened again, then new ones ordered, which are there after a while.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Pod
from kubewright.api.crds.nodepool import Consolidation
from kubewright.api.meta import ObjectKey
from kubewright.nodepools.allowed import nodes_at_once
from kubewright.nodepools.consolidate import Candidate, spare
from kubewright.nodepools.filling import fill, settle
from kubewright.placement.nodes import NodeMask
from kubewright.replay.cluster import CPU_ROW, MEMORY_ROW, Cluster
from kubewright.replay.configuration import Configuration
from kubewright.replay.ledger import Ledger
from kubewright.replay.pools import pools_of
from kubewright.replay.services import Service
from kubewright.replay.turns import Later, Turns

EVERY_SECONDS = 300.0
ARRIVES_SECONDS = 90.0
MOST_MISSING = 1
"""So many of an application's pods may be missing while others are moved, as an AppService's budget has it by default:
those that start count as well.
"""
_FULL_ENOUGH = 0.75
"""Nodes that are fuller are not asked."""
_AHEAD = 2
"""So many times what may go at once is looked for, so that time runs for those whose turn is next."""
_RULES = Consolidation()
"""What a NodePool says if its owner says nothing."""
_State = tuple[int, tuple[int, ...], tuple[int, ...], tuple[ObjectKey, ...]]


class Lending:
    """Gives nodes back and takes them again, where the configuration lets it: else nobody asks it to."""

    def __init__(
        self, cluster: Cluster, turns: Turns, ledger: Ledger, later: Later, configuration: Configuration
    ) -> None:
        self._cluster, self._turns, self._ledger, self._later = cluster, turns, ledger, later
        self._configuration = configuration
        self._pools = pools_of(cluster) if configuration.nodes else ()
        self.leaving: set[int] = set()
        self.coming: set[int] = set()
        self.down: set[int] = set()
        """Nodes that a fault keeps away."""
        self._spare_since: dict[int, float] = {}
        """Nodes that could go when it was last looked, each with when that was first seen."""
        self._opened: NDArray[np.float64] = np.full(len(cluster.nodes), -math.inf)
        """When each node last came, or was opened again."""
        self._decided: dict[tuple[bool, bool], _State] = {}
        """What the last decision on nodes to come was taken from: with GPUs or without, with room counted or not."""

    def turn(self, now: float) -> None:
        """Empty what could have been for long enough."""
        found = [column for has_gpus in (False, True) for column in self._spare(now, has_gpus=has_gpus)]
        self._spare_since = {column: self._spare_since.get(column, now) for column in found}

    def look(self, now: float) -> None:
        """Give back what is empty, move who has to leave, and have nodes come so that there is room."""
        cluster = self._cluster
        for column in sorted(self.leaving):
            if not cluster.members[column]:
                cluster.provisioned[column] = False
                self.leaving.discard(column)
        self._drain(now)
        self._bring(now, roomy=True)

    def hurry(self, now: float) -> None:
        """Have nodes come for pods that wait."""
        if self._turns.waiting:
            self._bring(now, roomy=False)

    def _spare(self, now: float, *, has_gpus: bool) -> list[int]:
        """Begin with those that could have gone for long enough, and return the others that can go now."""
        cluster = self._cluster
        pool = (cluster.gpus > 0) == has_gpus
        there = pool & cluster.provisioned & ~cluster.closed
        n_nodes = int((pool & cluster.provisioned).sum())
        most = nodes_at_once(_RULES.budgets, n_nodes, now) - sum(bool(pool[each]) for each in self.leaving)
        most = min(most, int(there.sum()) - 1)
        if most <= 0:
            return [each for each in self._spare_since if pool[each]]
        policy = self._configuration.policy(gpus=has_gpus)
        fork = cluster.snapshot.fork()
        if settle(fork, self._spares(has_gpus=has_gpus), policy, cluster.closed):
            return []
        wanted = self._candidates(there & (now - self._opened >= _RULES.min_lifetime_seconds), has_gpus=has_gpus)
        found = spare(fork, wanted[: (_AHEAD + 1) * most], _AHEAD * most, policy, cluster.closed_names)
        columns = [cluster.snapshot.table.columns[each.name] for each in found.nodes]
        due = [each for each in columns if now - self._spare_since.get(each, now) >= _RULES.after_seconds][:most]
        self.leaving.update(due)
        cluster.close(due, closed=True)
        return [each for each in columns if each not in due]

    def _drain(self, now: float) -> None:
        """Move applications' pods off nodes that are to go, few of each at a time, as their budgets let them."""
        for column in sorted(self.leaving):
            for member in list(self._cluster.members[column].values()):
                service = member.owner
                if not isinstance(service, Service):
                    continue
                missing = service.replicas - int(service.fleet.ready[service.number])
                if missing < MOST_MISSING:
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

    def _candidates(self, there: NodeMask, *, has_gpus: bool) -> list[Candidate]:
        """Return those that may go: first who could before, then the emptiest."""
        full, known = self._fullness(has_gpus), self._spare_since
        wanted = np.flatnonzero(there & (full < _FULL_ENOUGH)).tolist()
        ranked = sorted(wanted, key=lambda column: (column not in known, full[column], column))
        return [Candidate(self._cluster.nodes[column], 1.0, 0.0) for column in ranked]

    def _spares(self, *, has_gpus: bool) -> list[Pod]:
        return [pod for each in self._pools if each.has_gpus == has_gpus for pod in each.spares]

    def _bring(self, now: float, *, roomy: bool) -> None:
        """Open or order the nodes that pods need which find no place, and the room that is kept."""
        cluster = self._cluster
        waiting = [each for group in self._turns.waiting.values() for each in group]
        for has_gpus in (True, False):
            own = [each for each in self._pools if each.has_gpus == has_gpus]
            room = {each.name: int(self._away(each.columns).sum()) for each in own}
            wanted = [each.pod for each in waiting if bool(each.request.gpus) == has_gpus]
            spares = self._spares(has_gpus=has_gpus) if roomy else []
            if not any(room.values()) or not (wanted or spares):
                continue
            # The same nodes, pods and wishes come to the same decision: with GPUs that is most of the looks.
            state = self._state(wanted, has_gpus=has_gpus)
            if self._decided.get((has_gpus, roomy)) == state:
                continue
            self._decided[has_gpus, roomy] = state
            policy = self._configuration.policy(gpus=has_gpus)
            fork, without = cluster.snapshot.fork(), cluster.closed.copy()
            without[sorted(self.coming)] = False
            left = [*settle(fork, wanted, policy, without), *settle(fork, spares, policy, without)]
            if not left:
                continue
            filling = fill(fork, left, [each.offer for each in own], room, policy=policy)
            asked = Counter(each.offer.pool.metadata.name for each in filling.launches)
            for each in own:
                self._open(each.columns, asked[each.name], now)

    def _state(self, wanted: list[Pod], *, has_gpus: bool) -> _State:
        cluster = self._cluster
        changes = int(cluster.changes[(cluster.gpus > 0) == has_gpus].sum())
        return changes, tuple(sorted(self.coming)), tuple(sorted(self.down)), tuple(each.key for each in wanted)

    def _away(self, pool: NodeMask) -> NodeMask:
        """Return which nodes of a pool can be opened or ordered."""
        there = self._cluster.provisioned.copy()
        there[sorted(self.leaving)] = False
        there[sorted(self.coming | self.down)] = True
        return pool & ~there

    def _open(self, pool: NodeMask, count: int, now: float) -> None:
        cluster = self._cluster
        back = [each for each in sorted(self.leaving) if pool[each]][:count]
        self.leaving.difference_update(back)
        cluster.close(back, closed=False)
        self._opened[back] = now
        if back:
            self._turns.room_was_made(now)
        ordered = [int(each) for each in np.flatnonzero(self._away(pool))][: count - len(back)]
        if ordered:
            # Paid for from the order on.
            self.coming.update(ordered)
            cluster.provisioned[ordered] = True
            self._later(now + ARRIVES_SECONDS, lambda at: self._arrive(ordered, at))

    def _arrive(self, columns: list[int], now: float) -> None:
        self.coming.difference_update(columns)
        self._opened[columns] = now
        self._cluster.close([each for each in columns if each not in self.down], closed=False)
        self._turns.room_was_made(now)
