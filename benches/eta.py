"""How often a pod starts within the interval that was foretold: a trace replayed on a cluster that is too small for it.

    python -m benches.eta --pods FILE [--load 1.3] [--every 5] [--seed 1]

Pods come and run by the trace's own times; those that find no room wait in line. Each time one begins to wait (or every
so many-th of these), it is foretold when it will start, from what has ended by then alone; then the replay goes on and
says when it did.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, isinf
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from benches.openb.churn import peak
from benches.openb.traces import read_pods, read_times
from kubewright.api.containers import Container, ResourceRequirements
from kubewright.api.core import Node, NodeStatus, Pod, PodSpec, PodStatus
from kubewright.api.meta import ObjectKey, ObjectMeta, rfc3339
from kubewright.devices.workload import GpuRequest
from kubewright.explain.eta import Arrivals, Eta, Outlook, eta
from kubewright.explain.pace import WAITS_AT_MOST, Wait
from kubewright.explain.runtimes import RunTimes, groups
from kubewright.placement.fit import best, ranked
from kubewright.placement.policy import PACK
from kubewright.placement.snapshot import ClusterSnapshot

GPU = "nvidia.com/gpu"
ARRIVALS_KEPT = 50
RUN_TIMES_KEPT = 500


def pod_of(number: int, request: GpuRequest, created: float) -> Pod:
    requests = {"cpu": f"{request.cpu_milli}m", "memory": f"{request.memory}Mi"}
    if request.gpu_milli:
        requests[GPU] = str(request.gpu_milli)
    container = Container(name="c", resources=ResourceRequirements(requests=requests))
    meta = ObjectMeta(name=f"p{number:05}", namespace="trace", creation_timestamp=rfc3339(created))
    return Pod(metadata=meta, spec=PodSpec(containers=(container,), restart_policy="Never"))


def nodes_for(milli: float) -> list[Node]:
    count = max(1, round(milli / 8000))
    offer = {"cpu": "96", "memory": "512Gi", GPU: "8000", "pods": "1000"}
    return [Node(metadata=ObjectMeta(name=f"n{n}"), status=NodeStatus(allocatable=offer)) for n in range(count)]


@dataclass
class Replay:
    """The cluster as the trace goes on."""

    snapshot: ClusterSnapshot
    rng: random.Random
    every: int
    ends: list[tuple[float, ObjectKey]] = field(default_factory=list)
    line: list[tuple[Pod, float]] = field(default_factory=list)
    """Those that wait, with how long they will run."""
    took: list[tuple[Pod, float]] = field(default_factory=list)
    came: list[tuple[float, Pod]] = field(default_factory=list)
    running: dict[ObjectKey, tuple[Pod, float]] = field(default_factory=dict)
    foretold: dict[ObjectKey, tuple[float, Eta]] = field(default_factory=dict)
    started: dict[ObjectKey, float] = field(default_factory=dict)
    begun: dict[ObjectKey, tuple[float, int]] = field(default_factory=dict)
    """When each began to wait, and how many were ahead."""

    def arrive(self, pod: Pod, runs: float, now: float) -> None:
        """Let a pod come, and foretell its start if it has to wait."""
        self.came = [*self.came[-ARRIVALS_KEPT:], (now, pod)]
        if self._start(pod, runs, now):
            return
        self.line.append((pod, runs))
        if (len(self.begun) + 1) % self.every == 0:
            self.foretold[pod.key] = (now, self._foretell(pod, now))
        self.begun[pod.key] = now, len(self.line) - 1

    def end(self, key: ObjectKey, now: float) -> None:
        """Let a pod end, and those that wait take its room."""
        pod, runs = self.running.pop(key)
        self.took = [*self.took[-RUN_TIMES_KEPT:], (pod, runs)]
        self.snapshot.forget(key)
        failed: set[int] = set()
        left: list[tuple[Pod, float]] = []
        for waiting, length in self.line:
            shape = id(self.snapshot.row(waiting).shape)
            if shape in failed or not self._start(waiting, length, now):
                failed.add(shape)
                left.append((waiting, length))
        self.line = left

    def _start(self, pod: Pod, runs: float, now: float) -> bool:
        column = best(ranked(self.snapshot.row(pod), self.snapshot, PACK), 0)
        if column < 0:
            return False
        begun = replace(pod, status=PodStatus(phase="Running", start_time=rfc3339(now)))
        self.snapshot.assume(self.snapshot.row(begun), column)
        self.running[pod.key] = (begun, runs)
        self.started[pod.key] = now
        heappush(self.ends, (now + runs, pod.key))
        return True

    def _foretell(self, pod: Pod, now: float) -> Eta:
        by_group: dict[tuple[str, ...], list[float]] = {}
        for ended, runs in self.took:
            for group in groups(ended):
                by_group.setdefault(group, []).append(runs)
        times = RunTimes({group: tuple(sorted(each)) for group, each in by_group.items()})
        span = now - self.came[0][0]
        arrivals = Arrivals(tuple(each for _, each in self.came), span)
        line = [each for each, _ in self.line]
        waits = tuple(self._wait(each, now) for each in list(self.begun)[-WAITS_AT_MOST:])
        return eta(pod, Outlook(self.snapshot, line, times, (), arrivals, PACK, waits), now, self.rng)

    def _wait(self, key: ObjectKey, now: float) -> Wait:
        begun, ahead = self.begun[key]
        return Wait(self.started.get(key, now) - begun, ahead, key in self.started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pods", type=Path, required=True)
    parser.add_argument("--load", type=float, default=1.3, help="The peak of what is asked for, to what there is.")
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--limit", type=int, default=8000, help="So many pods of the trace, the last.")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    pods, times = read_pods(options.pods), read_times(options.pods)
    assert times is not None
    rows = sorted(range(len(pods)), key=lambda each: times[each][0])[-options.limit :]
    milli = peak([pods[row] for row in rows], [times[row] for row in rows]) / options.load
    replay = Replay(ClusterSnapshot.of(nodes_for(milli)), random.Random(options.seed), options.every)  # noqa: S311  draws
    for number, row in enumerate(rows):
        created, deleted = times[row]
        while replay.ends and replay.ends[0][0] <= created:
            at, key = heappop(replay.ends)
            replay.end(key, at)
        replay.arrive(pod_of(number, pods[row], created), max(1.0, deleted - created), created)
    while replay.ends:
        at, key = heappop(replay.ends)
        replay.end(key, at)
    report(replay)


def report(replay: Replay) -> None:
    inside = below = above = 0
    waits: list[float] = []
    errors: list[float] = []
    for key, (at, told) in replay.foretold.items():
        wait = replay.started.get(key, inf) - at
        waits.append(wait)
        inside += told.low <= wait <= told.high
        below += wait < told.low
        above += wait > told.high
        if not isinf(told.middle) and not isinf(wait):
            errors.append(abs(told.middle - wait))
    total = len(replay.foretold)
    if not total:
        sys.exit("nobody waited: the cluster is large enough for this load")
    nodes = len(replay.snapshot.table)
    sys.stdout.write(
        f"{nodes} nodes, {len(replay.started)} pods started, {len(replay.begun)} waited, {total} foretold\n"
        f"within the interval of 8 in 10: {inside / total:.1%}; "
        f"earlier {below / total:.1%}, later {above / total:.1%}\n"
        f"median wait {median(waits):.0f} s, median error of the middle {median(errors):.0f} s\n"
    )


if __name__ == "__main__":
    main()
