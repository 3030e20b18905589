"""The cluster's books in a replay: which pod is where, which nodes there are, what is used. Placement decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Node
from kubewright.api.meta import ObjectKey
from kubewright.api.pods import Pod
from kubewright.devices.requests import GPU
from kubewright.placement.fit import Fit
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.replay.configuration import Configuration
from kubewright.replay.making import pod, sharing, spec
from kubewright.replay.workload import Request

CPU_ROW, MEMORY_ROW = 0, 1
_MIB = 1 << 20


class Owner(Protocol):
    """Whose pods they are."""

    @property
    def gang_size(self) -> int:
        """Return how many of its pods come and go as one; 0 where each is by itself."""
        ...

    def bound(self, member: Member, now: float) -> None:
        """Hear that a pod has a node."""
        ...

    def evicted(self, member: Member, now: float) -> None:
        """Hear that a pod was pushed off its node."""
        ...


@dataclass(slots=True, eq=False)
class Member:
    """One pod, from the moment that it is asked for."""

    owner: Owner
    """The application's or the job's state, by which it is known what its coming and going means."""
    number: int
    team: int
    request: Request
    pod: Pod
    at: float
    cpu_milli: float
    """What it uses by itself; what an application's pods use follows from its load."""
    memory_mib: float
    gpu_milli: float
    column: int = -1
    ready: bool = False
    gone: bool = False
    attempts: int = 0
    run: int = 0
    """How often it was placed: an end that was foreseen for an earlier time means nothing."""
    since: float = 0.0
    """When it was last placed."""

    @property
    def key(self) -> ObjectKey:
        """Return its identity."""
        return self.pod.key


class Cluster:
    """Books pods on nodes, cordons, gives nodes back, and sums up."""

    def __init__(self, nodes: Iterable[Node], configuration: Configuration) -> None:
        self.nodes = [sharing(each) for each in nodes] if configuration.shares else list(nodes)
        self.shares = configuration.shares
        self.snapshot = ClusterSnapshot.of(self.nodes)
        count = len(self.nodes)
        self.provisioned = np.ones(count, np.bool_)
        self.closed = np.zeros(count, np.bool_)
        """Nodes that take nobody: cordoned, given back or down."""
        self.changes = np.zeros(count, np.int64)
        """How often pods came to each node or went from it, or it was closed or opened."""
        self.members: list[dict[ObjectKey, Member]] = [{} for _ in range(count)]
        self.own_cpu = np.zeros(count)
        """What pods use that are not an application's, in thousandths of cores."""
        self.memory_used = np.zeros(count)
        self.gpu_used = self.gpu_given = 0.0
        self.counted: Callable[[Member, int], None] | None = None
        """Hears of each pod that comes (1) or goes (-1)."""
        table = self.snapshot.table
        self.cpu: NDArray[np.float64] = table.allocatable[CPU_ROW].astype(np.float64)
        self.memory: NDArray[np.float64] = table.allocatable[MEMORY_ROW] / _MIB
        row = table.rows.get(GPU)
        self.gpus: NDArray[np.float64] = np.zeros(count) if row is None else table.allocatable[row].astype(np.float64)

    def pod(self, team: int, name: str, request: Request) -> Pod:
        """Return a pod with this request."""
        return pod(team, name, spec(request, shares=self.shares))

    def book(self, member: Member, found: Fit) -> None:
        """Put a pod on the node that was chosen for it."""
        self.snapshot.assume(found.row, found.column)
        self._count(member, found.column, 1)
        member.column, member.run = found.column, member.run + 1
        self.members[found.column][member.key] = member

    def free(self, member: Member) -> None:
        """Take a pod off its node."""
        column = member.column
        self.snapshot.forget(member.key)
        self._count(member, column, -1)
        del self.members[column][member.key]
        member.column, member.ready = -1, False

    def _count(self, member: Member, column: int, sign: int) -> None:
        request = member.request
        if self.counted is not None:
            self.counted(member, sign)
        self.changes[column] += 1
        self.own_cpu[column] += sign * member.cpu_milli
        self.memory_used[column] += sign * member.memory_mib
        if request.gpus:
            self.gpu_used += sign * member.gpu_milli
            self.gpu_given += sign * (request.all_gpu_milli if self.shares else request.gpus * 1000)

    def close(self, columns: Iterable[int], *, closed: bool) -> None:
        """Let nodes take nobody, or anybody again: whoever places passes `closed` over, as if they were cordoned."""
        those = list(columns)
        self.closed[those] = closed
        self.changes[those] += 1

    @property
    def closed_names(self) -> list[str]:
        """Return the nodes that take nobody."""
        return [self.nodes[int(column)].metadata.name for column in np.flatnonzero(self.closed)]

    def requested(self, row: int) -> float:
        """Return what the pods on nodes that there are request, in the table's unit."""
        return float(self.snapshot.requested[row].sum())
