"""Used over allocated, before and after SizePolicies, and what that did to those who were served.

    python -m benches.utilisation [--minutes 75 --memory 0.33 --workloads 8 --seed 0]

A twin under virtual time runs the same workloads twice, as their owners sized them and with a SizePolicy for each. They
use a third of the cpu that they request: steady ones, such as follow the day, such as burst, and such as serve
requests. History of eight days is worked out from the same curves. Utilisation is that of the last twenty minutes;
kills for want of memory, throttling, and requests that failed or took over a second are those of the whole run.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from benches.report import Result, report, result
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import PODS, Pod
from kubewright.api.crds.sizepolicy import SIZE_POLICIES
from kubewright.api.resources import pod_request
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.series.protocol import CONTAINER, Missing, PodQuery, Query, Series, Signal, Span, Vector, Why
from kubewright.sizing.book import workload_of
from kubewright.twin.cluster import Twin
from kubewright.twin.usage.serving import BUCKETS
from kubewright.twin.usage.text import read_curve

REPLICAS = 3
SHARE = 0.31
JUDGED_MINUTES = 20
GOAL = 1.4
_SLOW = BUCKETS.index(1.0)
_NOTE = "twin.kubewright.dev/"


@dataclass(frozen=True, slots=True)
class Load:
    """A workload: what it requests, what its limits are, and curves of what it uses."""

    name: str
    cores: float
    mebibytes: int
    cpu: str
    memory: str
    requests: str = ""
    seconds_a_request: float = 0.0
    limit: float = 2.0

    def cpu_at(self, time: float) -> float:
        """Return the cores that one pod used in the minute before."""
        served = _mean(self.requests, time) / REPLICAS * self.seconds_a_request if self.requests else 0.0
        return _mean(self.cpu, time) + served

    @property
    def deployment(self) -> dict[str, Any]:
        """Return it as its owner sized it."""
        notes = {f"{_NOTE}cpu": self.cpu, f"{_NOTE}memory": self.memory}
        if self.requests:
            notes |= {
                f"{_NOTE}requests-per-second": self.requests,
                f"{_NOTE}cpu-per-request": f"{self.seconds_a_request * 1000:.0f}m",
                f"{_NOTE}latency": "20ms",
            }
        resources = {
            "requests": {"cpu": f"{self.cores * 1000:.0f}m", "memory": f"{self.mebibytes}Mi"},
            "limits": {"cpu": f"{self.cores * 1000 * self.limit:.0f}m", "memory": f"{self.mebibytes}Mi"},
        }
        labels = {"app": self.name}
        container = {"name": "main", "image": "shop/web:1", "resources": resources}
        template = {"metadata": {"labels": labels, "annotations": notes}, "spec": {"containers": [container]}}
        spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
        metadata = {"name": self.name, "namespace": "default"}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


_curve = lru_cache(read_curve)


def _mean(curve: str, time: float) -> float:
    return _curve(curve).integral(time - 60.0, time) / 60.0


def loads(count: int, memory_share: float, draw: random.Random) -> list[Load]:
    """Draw workloads of four sorts in turn."""
    found: list[Load] = []
    for number in range(count):
        cores, mebibytes = draw.choice([0.5, 1.0, 2.0]), draw.choice([768, 1024, 2048])
        memory = f"{mebibytes * memory_share:.0f}Mi"
        mean = cores * SHARE * 1000
        cpu, requests, cost = f"{mean:.0f}m", "", 0.0
        match number % 4:
            case 1:
                cpu = f"diurnal {mean * 0.5:.0f}m..{mean * 1.5:.0f}m peak=14h"
            case 2:
                cpu = f"bursty {mean * 0.8:.0f}m..{mean * 2.8:.0f}m every=10m for=1m"
            case 3:
                cpu, cost = "10m", 0.005
                rate = mean / 1000 / cost * REPLICAS
                requests = f"diurnal {rate * 0.5:.0f}..{rate * 1.5:.0f} peak=14h"
            case _:
                pass
        found.append(Load(f"load-{number:02}", cores, mebibytes, cpu, memory, requests, cost))
    return found


class History:
    """The twin's measurements, and what the curves say of the days before."""

    def __init__(self, twin: Twin, known: Sequence[Load]) -> None:
        self._twin = twin
        self._known = {each.name: each for each in known}

    async def instant(self, query: Query) -> Vector | Missing:
        """Ask the twin."""
        return await self._twin.exporters.measurements.instant(query)

    async def range(self, query: Query, span: Span) -> tuple[Series, ...] | Missing:
        """Ask the curves."""
        signal = query.signal if isinstance(query, PodQuery) else None
        if signal not in {Signal.CONTAINER_CPU, Signal.CONTAINER_MEMORY}:
            return Missing(Why.UNSUPPORTED)
        steps = int((span.end - span.start) / span.step_seconds) + 1
        times = [span.start + number * span.step_seconds for number in range(steps)]
        found: list[Series] = []
        for pod in await pods_of(self._twin):
            workload = workload_of(pod)
            load = self._known[workload.name] if workload is not None else None
            if load is None:
                continue
            use = load.cpu_at if signal is Signal.CONTAINER_CPU else _curve(load.memory).value
            labels = {"namespace": "default", "pod": pod.metadata.name, CONTAINER: "main"}
            found.append(Series(labels, tuple((at, use(at)) for at in times)))
        return tuple(found) or Missing(Why.NO_DATA)


@dataclass(slots=True)
class Seen:
    """What a run came to."""

    used_cpu: float = 0.0
    used_memory: float = 0.0
    asked_cpu: float = 0.0
    asked_memory: float = 0.0
    killed: int = 0
    throttled: float = 0.0
    served: float = 0.0
    bad: float = 0.0

    @property
    def cpu(self) -> float:
        """Return used over allocated."""
        return self.used_cpu / self.asked_cpu

    @property
    def memory(self) -> float:
        """Return used over allocated."""
        return self.used_memory / self.asked_memory


async def pods_of(twin: Twin) -> list[Pod]:
    """Return the workloads' pods."""
    return list((await twin.client().list(PODS, namespace="default")).items)


async def live(known: Sequence[Load], minutes: int, seed: int, *, sized: bool) -> Seen:
    """Run the workloads once."""
    seen = Seen()
    async with Twin(Clock.virtual(), nodes=4, seed=seed) as twin:
        client = twin.client()
        for each in known:
            await client.create(DEPLOYMENTS, each.deployment, namespace="default")
        await asyncio.sleep(60)
        platform = Platform(client, twin.clock, choices=Choices(services=("sizing",)), source=History(twin, known))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(1)
            for each in known if sized else ():
                spec = {"target": {"name": each.name}, "mode": "apply"}
                head = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "SizePolicy"}
                policy = {**head, "metadata": {"name": each.name, "namespace": "default"}, "spec": spec}
                await client.create(SIZE_POLICIES, policy, namespace="default")
            for minute in range(minutes):
                await asyncio.sleep(60)
                if minute >= minutes - JUDGED_MINUTES:
                    await sample(twin, seen)
            running.cancel()
        await total(twin, seen)
    return seen


async def sample(twin: Twin, seen: Seen) -> None:
    """Add what is used and requested at this moment."""
    for pod in await pods_of(twin):
        asked = pod_request(pod)
        seen.asked_cpu += asked.get("cpu", 0) / 1000
        seen.asked_memory += asked.get("memory", 0)
        for each in twin.exporters.ledger.readings(pod):
            seen.used_cpu += each.cpu_cores
            seen.used_memory += each.memory_bytes


async def total(twin: Twin, seen: Seen) -> None:
    """Add what was counted since the beginning."""
    for pod in await pods_of(twin):
        seen.killed += pod.restart_count
        for each in twin.exporters.ledger.readings(pod):
            seen.throttled += each.throttled_seconds
            if each.served is not None:
                seen.served += each.served.requests
                seen.bad += each.served.requests - each.served.buckets[_SLOW]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=75)
    parser.add_argument("--memory", type=float, default=0.33, help="what is used of the memory requested")
    parser.add_argument("--workloads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    known = loads(args.workloads, args.memory, random.Random(args.seed))  # noqa: S311  a simulation
    before, after = (run_virtual(live(known, args.minutes, args.seed, sized=sized)) for sized in (False, True))
    results: list[Result] = []
    for name in ("cpu", "memory"):
        was, now = getattr(before, name), getattr(after, name)
        note = f"{was:.1%} used of what is requested before, {now:.1%} after"
        results.append(result(f"{name}, used over allocated, times before", "x", [now / was], goal=GOAL, note=note))
        print(f"{name}: {note}")
    worse = {
        "kills for want of memory": (before.killed, after.killed),
        "throttled seconds": (before.throttled, after.throttled),
        "requests failed or slower than 1 s": (before.bad, after.bad),
    }
    for name, (was, now) in worse.items():
        print(f"{name}: {was:,.0f} before, {now:,.0f} after")
        results.append(
            result(f"{name}, more than before", "", [max(0.0, round(now - was, 3))], goal=0.0, less_is_better=True)
        )
    print(f"{before.served:,.0f} and {after.served:,.0f} requests were served")
    report("utilisation", results)


if __name__ == "__main__":
    main()
