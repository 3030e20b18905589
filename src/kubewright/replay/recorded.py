"""A day of a cluster that there is: its nodes, its workloads at what they use now, the jobs of its last day. Pure.

`reading` fetches what is found; the day's course, releases and faults are drawn from a seed, as for a drawn cluster.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from kubewright.api.batch import Job
from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.api.quantity import milli, value
from kubewright.api.resources import CPU, MEMORY, pod_request
from kubewright.api.workload import Workload, workload_of
from kubewright.autoscaler.outlook import startup_seconds
from kubewright.devices.requests import GPU, PRODUCT, gpus_of
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.pods import ZONE
from kubewright.replay.generate import HISTORY_DAYS, Size, course, faults_of, releases
from kubewright.replay.making import node as made_node
from kubewright.replay.workload import DAY_SECONDS, Application, Day, Request, Work

UNKNOWN_USE = 0.5
"""What is taken to be used of the requests of pods that nobody has measured."""
_RATE, _STARTUP_SECONDS, _FULL = 100.0, 20.0, 0.9
_MIB = 1 << 20
_LEAST_MILLI, _LEAST_MIB = 10, 16
_PEAK_HOUR, _TROUGH, _STEADY_TROUGH = 14.0, 0.35, 0.85
_PODS = "Pod"


@dataclass(frozen=True, slots=True)
class Found:
    """What was read of a cluster."""

    nodes: Sequence[Node]
    pods: Sequence[Pod]
    jobs: Sequence[Job] = ()
    scaled: Mapping[Workload, int] = field(default_factory=dict[Workload, int])
    """Workloads that are scaled by their load, each with the fewest replicas that it may have."""
    used: Mapping[ObjectKey, tuple[int, int]] = field(default_factory=dict[ObjectKey, tuple[int, int]])
    """By pod: cpu in thousandths and memory in bytes that were in use."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A workload's pods."""

    name: str
    team: int
    request: Request
    replicas: int
    least: int | None
    """The fewest of one that follows its load; None for others."""
    use: float
    """Share of its cpu that is used now."""
    memory_share: float
    startup_seconds: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a replay keeps of a cluster."""

    hour: float
    """Of the day at which it was read, UTC."""
    teams: tuple[str, ...]
    """Namespaces, by the numbers that stand for them."""
    nodes: tuple[Node, ...]
    workloads: tuple[Kept, ...]
    works: tuple[Work, ...]

    def day(self, seed: int, hours: float, bad: Sequence[str], faults: Sequence[str]) -> Day:
        """Return a day that is as busy at the hour of the reading as the cluster was."""
        rng = random.Random(f"{seed}/recorded")  # noqa: S311  a simulation
        noise = np.random.Generator(np.random.PCG64(seed))
        applications = tuple(self._application(each, rng, noise) for each in self.workloads)
        size, seconds = Size(len(self.nodes), 0, len(self.teams), hours), round(hours * 3600)
        coming = releases(size, len(applications), bad, rng) if applications else ()
        return Day(
            f"recorded, seed {seed}",
            len(self.teams),
            self.nodes,
            tuple(each for each in self.works if each.at < seconds),
            applications,
            tuple(each for each in coming if each.at < seconds),
            tuple(each for each in faults_of(size, faults, rng) if each.at < seconds) if applications else (),
            seconds,
        )

    def _application(self, kept: Kept, rng: random.Random, noise: np.random.Generator) -> Application:
        scaled = kept.least is not None
        trough = _TROUGH if scaled else _STEADY_TROUGH
        away = min(abs(self.hour - _PEAK_HOUR), 24.0 - abs(self.hour - _PEAK_HOUR))
        now = trough + (1.0 - trough) * math.exp(-((away / 5.0) ** 2))
        peak = kept.replicas * _RATE * min(kept.use, _FULL) / now
        days = [course(peak, trough, _PEAK_HOUR, rng, noise, spikes=2 * scaled) for _ in range(HISTORY_DAYS + 1)]
        return Application(
            kept.name,
            kept.team,
            ("inference" if kept.request.gpus else "web") if scaled else "steady",
            kept.request,
            max(kept.least, 1) if kept.least is not None else kept.replicas,
            load=days[-1],
            history=np.concatenate(days[:-1]),
            rate_per_pod=_RATE,
            startup_seconds=kept.startup_seconds,
            memory_share=kept.memory_share,
            gpu_share=kept.request.gpus * UNKNOWN_USE,
        )


def recorded(found: Found, now: float) -> Recorded:
    """Keep what a replay needs; raises OpError of a cluster without a node that takes pods, or without any workload.

    Daemons are taken off what their nodes offer. Pods that belong to nothing are a workload of one each.
    """
    running = [each for each in found.pods if each.spec.node_name and not each.is_finished and not each.is_terminating]
    nodes = tuple(_nodes(found.nodes, [each for each in running if each.stays_on_node]))
    groups = _groups(each for each in running if not each.stays_on_node)
    jobs = _jobs(found.jobs, now)
    teams = tuple(sorted({each.namespace for each in groups} | {each.metadata.namespace for each, _ in jobs}))
    numbers = {name: number for number, name in enumerate(teams)}
    workloads = tuple(_kept(each, pods, found, numbers[each.namespace]) for each, pods in sorted(groups.items()))
    works = (_work(job, request, numbers[job.metadata.namespace]) for job, request in jobs)
    if not nodes or not (workloads or jobs):
        what = "node that is ready and not cordoned" if not nodes else "workload and no job of the last day"
        raise OpError("replay", ErrorKind.INVALID, "--from-cluster", f"there is no {what}")
    ordered = tuple(sorted(works, key=lambda each: (each.at, each.name)))
    return Recorded(now % DAY_SECONDS / 3600, teams, nodes, workloads, ordered)


def _nodes(nodes: Iterable[Node], daemons: Iterable[Pod]) -> Iterable[Node]:
    taken: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pod in daemons:
        request = pod_request(pod)
        taken[pod.spec.node_name][0] += request.get(CPU, 0)
        taken[pod.spec.node_name][1] += request.get(MEMORY, 0)
    for node in sorted(nodes, key=lambda each: each.metadata.name):
        name, labels, offered = node.metadata.name, node.metadata.labels, node.status.allocatable
        if node.spec.unschedulable or not node.is_ready or CPU not in offered or MEMORY not in offered:
            continue
        cpu, memory = taken[name]
        yield made_node(
            name,
            max(milli(offered[CPU]) - cpu, 1),
            max((value(offered[MEMORY]) - memory) // _MIB, 1),
            gpus=gpus_of(node),
            model=labels.get(PRODUCT, ""),
            zone=labels.get(ZONE, ""),
        )


def _groups(pods: Iterable[Pod]) -> dict[Workload, list[Pod]]:
    found: dict[Workload, list[Pod]] = {}
    for pod in pods:
        own = workload_of(pod) or Workload(pod.metadata.namespace, _PODS, pod.metadata.name)
        if own.kind != "Job":
            found.setdefault(own, []).append(pod)
    return found


def _kept(workload: Workload, pods: Sequence[Pod], found: Found, team: int) -> Kept:
    asked = pod_request(pods[0])
    measured = [found.used[each.key] for each in pods if each.key in found.used]
    cpu, memory = (sum(each[place] for each in measured) / max(len(measured), 1) for place in (0, 1))
    # Who uses more than it asks for is taken to ask for what it uses: the excess has no other place in a replay.
    request = _request(asked, pods[0].spec.priority, math.ceil(cpu / _FULL), math.ceil(memory / _MIB))
    return Kept(
        f"{workload.namespace}-{workload.name}",
        team,
        request,
        len(pods),
        found.scaled.get(workload),
        cpu / request.cpu_milli if measured else UNKNOWN_USE,
        memory / _MIB / request.memory_mib if measured else UNKNOWN_USE,
        startup_seconds(pods) or _STARTUP_SECONDS,
    )


def _request(asked: Mapping[str, int], priority: int, least_milli: int = 0, least_mib: int = 0) -> Request:
    return Request(
        max(asked.get(CPU, 0), least_milli, _LEAST_MILLI),
        max(asked.get(MEMORY, 0) // _MIB, least_mib, _LEAST_MIB),
        asked.get(GPU, 0),
        priority=priority,
    )


def _jobs(jobs: Iterable[Job], now: float) -> list[tuple[Job, Mapping[str, int]]]:
    """Return the jobs that began within the last day and have ended, with what a pod of each asks for."""
    found: list[tuple[Job, Mapping[str, int]]] = []
    for each in jobs:
        status = each.status
        if status.start_time and status.completion_time and parse_time(status.start_time) > now - DAY_SECONDS:
            found.append((each, pod_request(_pod(each))))
    return found


def _pod(job: Job) -> Pod:
    return msgspec.convert({"spec": job.spec.template.get("spec", {})}, Pod)


def _work(job: Job, asked: Mapping[str, int], team: int) -> Work:
    began, ended = parse_time(job.status.start_time or ""), parse_time(job.status.completion_time or "")
    return Work(
        f"{job.metadata.namespace}-{job.metadata.name}",
        team,
        "batch",
        began % DAY_SECONDS,
        max(ended - began, 1.0),
        _request(asked, _pod(job).spec.priority),
        max(job.status.succeeded, 1),
        cpu_share=UNKNOWN_USE,
        memory_share=UNKNOWN_USE,
    )
