"""A working day drawn from a seed: services that follow the day, CI, batch, training, inference, releases, faults.

What is drawn is in docs/replay.md. The cluster's cpu is given out so that what owners request at the busiest hour is
some 85 % of it, as a company would buy it that places by requests.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kubewright.api.core import Node
from kubewright.api.quantity import milli
from kubewright.devices.requests import gpus_of
from kubewright.replay.making import node
from kubewright.replay.workload import (
    DAY_SECONDS,
    STEP_SECONDS,
    STEPS,
    Application,
    Day,
    FaultArrival,
    Release,
    Request,
    Series,
    Work,
)

CPU_NODE, GPU_NODE = (32_000, 131_072), (64_000, 524_288)
GPUS, MODEL = 8, "NVIDIA-A100-SXM4-80GB"
GPU_NODES_SHARE = 0.12
WEB_PEAK, STEADY, WORKS = 0.46, 0.20, 0.12
"""Shares of all cpu: what web services request at their peak at 70 % use, what steady ones request, what jobs do."""
TRAINING = 0.35
"""Share of all GPUs that training takes on average."""
INFERENCE = 0.30
"""Share of all GPUs that inference takes at its peak where each pod has one of its own."""
SERVICE, GANG, BACKGROUND = 100, 50, 0
HISTORY_DAYS = 2
BAD_SHARE = 0.15
"""Of releases: between what DORA's surveys call high and medium performers."""
RELEASES_PER_TEAM = 4
FAULTS_PER_NODE = 0.08
_PODS_OF_SERVICES = 0.15
"""Share of the scheduling requests that services are taken to make by starts, scaling and releases."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is lived through."""

    nodes: int = 500
    requests: int = 100_000
    teams: int = 50
    hours: float = 24.0


def generate(size: Size, seed: int, bad: Sequence[str], faults: Sequence[str]) -> Day:
    """Draw a day; `bad` are the drills that are bad releases, `faults` those that are other faults."""
    nodes = _nodes(size.nodes)
    rng = random.Random(f"{seed}/day")  # noqa: S311  a simulation
    cores = sum(milli(each.status.allocatable["cpu"]) for each in nodes) / 1000
    gpus = sum(map(gpus_of, nodes))
    applications = tuple(_applications(size, cores, gpus, rng, np.random.Generator(np.random.PCG64(seed))))
    works = _works(size, cores, gpus, rng)
    seconds = round(size.hours * 3600)
    return Day(
        f"generated, seed {seed}",
        size.teams,
        nodes,
        tuple(sorted((each for each in works if each.at < seconds), key=lambda each: (each.at, each.name))),
        applications,
        tuple(each for each in releases(size, len(applications), bad, rng) if each.at < seconds),
        tuple(each for each in faults_of(size, faults, rng) if each.at < seconds),
        seconds,
    )


def _nodes(count: int) -> tuple[Node, ...]:
    with_gpus = max(1, round(count * GPU_NODES_SHARE))
    return tuple(
        node(
            f"node-{number:04}",
            *(GPU_NODE if number < with_gpus else CPU_NODE),
            gpus=GPUS if number < with_gpus else 0,
            model=MODEL,
            zone=f"zone-{'abc'[number % 3]}",
        )
        for number in range(count)
    )


def _applications(
    size: Size, cores: float, gpus: int, rng: random.Random, noise: np.random.Generator
) -> Iterator[Application]:
    web = _split(WEB_PEAK * cores, 3 * size.teams, rng)
    for number, share in enumerate(web):
        request = Request(rng.choice((500, 1000, 2000)), rng.choice((1024, 2048, 3072)), priority=SERVICE)
        peak = max(2, round(share * 1000 / request.cpu_milli))
        yield _application(f"web-{number:03}", number % size.teams, "web", request, peak, rng, noise)
    for number, share in enumerate(_split(STEADY * cores, 5 * size.teams, rng)):
        request = Request(rng.choice((500, 1000, 2000)), rng.choice((1024, 2048, 4096)), priority=SERVICE)
        replicas = max(1, round(share * 1000 / request.cpu_milli))
        yield _application(f"steady-{number:03}", number % size.teams, "steady", request, replicas, rng, noise)
    count = max(1, size.teams // 2)
    for number, share in enumerate(_split(INFERENCE * gpus, count, rng)):
        request = Request(2000, 8192, 1, rng.choice((250, 300, 500)), (MODEL,), SERVICE)
        found = _application(
            f"inference-{number:03}", 2 * number % size.teams, "inference", request, max(1, round(share)), rng, noise
        )
        yield replace(found, gpu_share=rng.uniform(0.7, 0.95) * request.gpu_milli / 1000)


def _application(  # noqa: PLR0917  drawn in this order
    name: str, team: int, sort: str, request: Request, peak: int, rng: random.Random, noise: np.random.Generator
) -> Application:
    rate = rng.choice((20.0, 50.0, 100.0))
    if sort == "steady":
        use = rng.uniform(0.15, 0.5)
        days = [course(peak * rate * use, 0.85, 14.0, rng, noise, spikes=0) for _ in range(HISTORY_DAYS + 1)]
        least = peak
    else:
        hour, trough = rng.gauss(14.0, 2.0), rng.uniform(0.25, 0.45)
        days = [course(peak * rate * 0.7, trough, hour, rng, noise, spikes=2) for _ in range(HISTORY_DAYS + 1)]
        least = max(1 if peak < 2 else 2, math.ceil(peak * 0.2))  # noqa: PLR2004
    return Application(
        name,
        team,
        sort,
        request,
        least,
        load=days[-1],
        history=np.concatenate(days[:-1]),
        rate_per_pod=rate,
        startup_seconds=round(rng.uniform(8.0, 40.0), 1),
        memory_share=rng.uniform(0.4, 0.8),
    )


def course(
    peak: float, trough: float, hour: float, rng: random.Random, noise: np.random.Generator, *, spikes: int
) -> Series:
    """Return the requests of each step of a day: a bell around an hour, small noise that lasts, some rushes."""
    hours = np.arange(STEPS) * STEP_SECONDS / 3600
    away = np.abs((hours - hour + 12.0) % 24.0 - 12.0)
    rate = peak * (trough + (1.0 - trough) * np.exp(-((away / 5.0) ** 2)))
    drawn, level, wander = noise.normal(0.0, 0.01, STEPS), 0.0, np.empty(STEPS)
    for step in range(STEPS):
        level = 0.95 * level + float(drawn[step])
        wander[step] = level
    rate *= 1.0 + wander
    for _ in range(spikes):
        begin, height = rng.uniform(0.0, 24.0), rng.uniform(0.1, 0.4)
        passed = (hours - begin) * 60.0
        rate *= 1.0 + height * np.clip(np.minimum(passed / 4.0, (20.0 - passed) / 4.0), 0.0, 1.0)
    return np.maximum(rate, 0.0) * STEP_SECONDS


def _split(total: float, parts: int, rng: random.Random) -> list[float]:
    """Return so many unequal shares of an amount: some large, many small."""
    drawn = [rng.lognormvariate(0.0, 0.7) for _ in range(parts)]
    return [total * each / sum(drawn) for each in drawn]


def _works(size: Size, cores: float, gpus: int, rng: random.Random) -> list[Work]:
    pods = round(size.requests * (1.0 - _PODS_OF_SERVICES))
    training = list(_training(size, gpus, rng)) if gpus else []
    pods -= sum(each.pods for each in training)
    small = [*_ci(round(pods * 0.75), size, rng), *_batch(pods - round(pods * 0.75), size, rng)]
    taken = sum(each.pods * each.seconds * each.request.cpu_milli / 1000 for each in small) or 1.0
    factor = min(max(WORKS * cores * DAY_SECONDS / taken, 0.2), 5.0)
    asked = sum(each.pods * each.seconds * each.request.gpus for each in training) or 1.0
    stretch = min(max(TRAINING * gpus * DAY_SECONDS / asked, 0.2), 5.0)
    return [*(_lasting(each, factor) for each in small), *(_lasting(each, stretch) for each in training)]


def _lasting(work: Work, factor: float) -> Work:
    deadline = work.deadline_seconds
    return replace(
        work,
        seconds=max(5.0, round(work.seconds * factor, 1)),
        deadline_seconds=None if deadline is None else round(deadline * factor + 600.0, 1),
    )


def _ci(pods: int, size: Size, rng: random.Random) -> Iterator[Work]:
    """Yield the pods of pipelines: in office hours, minutes each."""
    while pods > 0:
        count = min(pods, rng.choice((1, 2, 4, 8)))
        pods -= count
        at = _hour_of_day(rng, 13.5, 3.5) * 3600
        request = Request(rng.choice((500, 1000, 2000, 4000)), rng.choice((1024, 2048, 4096)), priority=BACKGROUND)
        seconds = min(max(rng.lognormvariate(math.log(180.0), 0.8), 20.0), 3600.0)
        name = f"ci-{pods:06}"
        yield Work(
            name,
            rng.randrange(size.teams),
            "ci",
            at,
            seconds,
            request,
            count,
            cpu_share=rng.uniform(0.3, 0.9),
            memory_share=rng.uniform(0.3, 0.8),
        )


def _batch(pods: int, size: Size, rng: random.Random) -> Iterator[Work]:
    """Yield jobs of several pods: more of them at night, up to an hour each, wanted by a certain time."""
    while pods > 0:
        count = min(pods, rng.choice((5, 10, 20)))
        pods -= count
        at = (_hour_of_day(rng, 2.0, 4.0) if rng.random() < 0.6 else rng.uniform(0.0, 24.0)) * 3600  # noqa: PLR2004
        request = Request(rng.choice((1000, 2000, 4000)), rng.choice((2048, 4096, 8192)), priority=BACKGROUND)
        seconds = min(max(rng.lognormvariate(math.log(600.0), 0.7), 60.0), 7200.0)
        yield Work(
            f"batch-{pods:06}",
            rng.randrange(size.teams),
            "batch",
            at,
            seconds,
            request,
            count,
            cpu_share=rng.uniform(0.4, 0.9),
            memory_share=rng.uniform(0.3, 0.8),
            deadline_seconds=seconds * rng.uniform(1.5, 3.0),
        )


def _training(size: Size, gpus: int, rng: random.Random) -> Iterator[Work]:
    """Yield gangs: pods that do nothing before all of them run."""
    for number in range(max(2, round(size.requests * 0.0015))):
        of_each = rng.choice((1, 2, 4, 8))
        count = min(rng.choice((2, 4, 8)), max(1, gpus // 4 // of_each))
        request = Request(4000 * of_each, 32_768 * of_each, of_each, models=(MODEL,), priority=GANG)
        seconds = min(max(rng.lognormvariate(math.log(2400.0), 0.7), 300.0), 14_400.0)
        yield Work(
            f"training-{number:04}",
            rng.randrange(size.teams),
            "training",
            _hour_of_day(rng, 15.0, 5.0) * 3600,
            seconds,
            request,
            count,
            together=True,
            cpu_share=rng.uniform(0.3, 0.7),
            memory_share=rng.uniform(0.3, 0.7),
            deadline_seconds=seconds * rng.uniform(1.5, 3.0),
        )


def _hour_of_day(rng: random.Random, mean: float, spread: float) -> float:
    return round(rng.gauss(mean, spread) % 24.0, 4)


def releases(size: Size, n_applications: int, bad: Sequence[str], rng: random.Random) -> Iterator[Release]:
    """Yield releases in office hours, for every team."""
    found: list[Release] = []
    for _ in range(RELEASES_PER_TEAM * size.teams):
        drill = rng.choice(bad) if bad and rng.random() < BAD_SHARE else ""
        at = min(max(rng.gauss(13.5, 2.5), 8.0), 19.0) * 3600
        found.append(Release(round(at, 1), rng.randrange(n_applications), drill, rng.random()))
    yield from sorted(found, key=lambda each: (each.at, each.application))


def faults_of(size: Size, faults: Sequence[str], rng: random.Random) -> Iterator[FaultArrival]:
    """Yield faults of these drills, at any time of the day."""
    count = max(3, round(size.nodes * FAULTS_PER_NODE)) if faults else 0
    found = [
        FaultArrival(round(rng.uniform(0.0, DAY_SECONDS), 1), rng.choice(faults), rng.randrange(1 << 30), rng.random())
        for _ in range(count)
    ]
    yield from sorted(found, key=lambda each: (each.at, each.target))
