"""When a pod that waits will start: many runs of what may happen next, and the middle eight in ten of them. Pure.

In each run those that run end after a time drawn from what their like took (`runtimes`), others arrive as they did
lately, and whoever waits takes what becomes free: in the order of the line, but past those that still do not fit, as
the scheduler does. Runs differ by chance alone, and know nothing of what they get wrong alike; so half of what may
happen is taken from them, and half from how fast the line moved of late (`pace`). How often the truth lies in the
interval `benches/eta.py` measures.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf, isinf

from msgspec.structs import replace

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.explain.changes import duration
from kubewright.explain.line import rank
from kubewright.explain.pace import Wait, draws
from kubewright.explain.runtimes import RunTimes, began, ends
from kubewright.explain.why import Ending
from kubewright.placement.fit import DEFAULT_POLICY, find
from kubewright.placement.policy import Policy
from kubewright.placement.snapshot import ClusterSnapshot

RUNS = 24
INTERVAL = 0.8
EVENTS_A_RUN = 500
LINE_AT_MOST = 200
"""So many that wait are followed: those ahead, and the first of those behind."""


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds from now; infinite where most runs saw no start."""

    low: float
    middle: float
    high: float
    known: int
    """Of how many pods that run something is known of when they end."""

    def __str__(self) -> str:
        if isinf(self.low):
            return "not in sight: too little that runs is known to end"
        middle, high = ("later" if isinf(each) else duration(each) for each in (self.middle, self.high))
        return f"in {middle} (8 in 10: {duration(self.low)} to {high})"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Pods that came lately, over how many seconds: what may come next is like them."""

    pods: tuple[Pod, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the runs are made from."""

    snapshot: ClusterSnapshot
    line: Sequence[Pod]
    """Those that wait, in their order; the pod among them."""
    times: RunTimes
    endings: tuple[Ending, ...] = ()
    """Of pods whose end is certain: deadlines, deletions."""
    arrivals: Arrivals = Arrivals()
    policy: Policy = DEFAULT_POLICY
    waits: tuple[Wait, ...] = ()
    """How long others waited lately."""


def eta(pod: Pod, outlook: Outlook, now: float, rng: random.Random, runs: int = RUNS) -> Eta:
    """Return when the pod will start as things go; changes nothing."""
    running = [each.row.pod for each in outlook.snapshot.placed.values()]
    certain = {each.key: each.seconds for each in outlook.endings}
    drawn = [(each.key, _remaining(each, outlook.times, now)) for each in running if each.key not in certain]
    known = [*((key, (seconds,)) for key, seconds in certain.items()), *(each for each in drawn if each[1])]
    if not known:
        return Eta(inf, inf, inf, 0)
    line = [each for each in outlook.line if each.key != pod.key][: LINE_AT_MOST - 1]
    line = sorted((*line, pod), key=rank)
    starts = [_Run(pod, outlook, line, known, rng).start() for _ in range(runs)]
    if len(known) > len(certain):
        starts += draws(outlook.waits, sum(rank(each) < rank(pod) for each in outlook.line), runs)
    starts.sort()
    tail = (1 - INTERVAL) / 2
    return Eta(_quantile(starts, tail), _quantile(starts, 0.5), _quantile(starts, 1 - tail), len(known))


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, max(0, round(share * (len(values) - 1))))]


def _remaining(pod: Pod, times: RunTimes, now: float) -> tuple[float, ...]:
    """Return how long the pod's like ran on from where it is."""
    start = began(pod)
    if start is None or not ends(pod):
        return ()
    ran = max(0.0, now - start)
    return tuple(each - ran for each in times.beyond(pod, ran))


class _Run:
    """One way in which things may go."""

    def __init__(
        self,
        pod: Pod,
        outlook: Outlook,
        line: Sequence[Pod],
        known: Sequence[tuple[ObjectKey, tuple[float, ...]]],
        rng: random.Random,
    ) -> None:
        self._pod = pod
        self._outlook = outlook
        self._rng = rng
        self._snapshot = outlook.snapshot.fork()
        self._line = list(line)
        self._number = 0
        self._ends: list[tuple[float, ObjectKey]] = [(rng.choice(each), key) for key, each in known]
        heapify(self._ends)
        # How often others come is not known either, only how often they did.
        came, seconds = len(outlook.arrivals.pods), outlook.arrivals.seconds
        self._rate = rng.gammavariate(came, 1 / seconds) if came and seconds > 0 else 0.0

    def start(self) -> float:
        """Return when the pod starts; infinity if not within this run."""
        if self._serve(0.0):
            return 0.0
        arrival = self._next_arrival(0.0)
        for _ in range(EVENTS_A_RUN):
            ending = self._ends[0][0] if self._ends else inf
            if isinf(ending) and (isinf(arrival) or not self._ends):
                return inf
            if arrival < ending:
                self._arrive(arrival)
                arrival = self._next_arrival(arrival)
                continue
            at, key = heappop(self._ends)
            if self._snapshot.forget(key) and self._serve(at):
                return at
        return inf

    def _next_arrival(self, now: float) -> float:
        return now + self._rng.expovariate(self._rate) if self._rate else inf

    def _arrive(self, now: float) -> None:
        """Let one come that is like one that came lately; it takes what is free, or waits behind its betters."""
        self._number += 1
        like = self._rng.choice(self._outlook.arrivals.pods)
        name = f"{like.metadata.name}-then-{self._number}"
        metadata = replace(like.metadata, name=name, creation_timestamp="9999")
        pod = replace(like, metadata=metadata, spec=replace(like.spec, node_name=""))
        if not self._place(pod, now) and len(self._line) < LINE_AT_MOST:
            self._line.append(pod)
            self._line.sort(key=rank)

    def _serve(self, now: float) -> bool:
        """Give what is free to those that wait; tell whether the pod was among them."""
        failed: set[int] = set()
        left: list[Pod] = []
        for each in self._line:
            shape = id(self._snapshot.row(each).shape)
            if shape in failed or not self._place(each, now):
                failed.add(shape)
                left.append(each)
            elif each.key == self._pod.key:
                return True
        self._line = left
        return False

    def _place(self, pod: Pod, now: float) -> bool:
        found = find(pod, self._snapshot, 0, self._outlook.policy)
        if found is None:
            return False
        self._snapshot.assume(found.row, found.column)
        times = self._outlook.times.beyond(pod, 0.0) if ends(pod) else ()
        if times:
            heappush(self._ends, (now + self._rng.choice(times), pod.key))
        return True
