"""How long pods wait for a node when they come as people send them: 100,000 a day, and ten times as many in peaks.

Pods arrive one by one at random, by a seed, at the rate of the peak. The time of each is taken from the moment when its
creation is sent until the news of its binding is here, both by one clock; pods end after a while, and go.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
from typing import Any

from benches.report import compared, report, result
from benches.scheduler import NAMESPACE, bare_plane, ours, pod, prepare, theirs
from kubewright.api.core import PODS, Pod
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import Client
from kubewright.runtime.informer import Change, Informer
from tools.cluster import ControlPlane

A_DAY = 100_000
PEAK = 10
SECONDS_OF_A_DAY = 86_400
LIFE_SECONDS = 30.0
GOAL_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
WARM_UP_SECONDS = 10.0


class Arrivals:
    """Creates pods at random moments and notes how long each waited."""

    def __init__(self, client: Client, seed: int) -> None:
        self.waited: dict[str, float] = {}
        self._client = client
        self._rng = random.Random(seed)  # noqa: S311  arrivals
        self._sent: dict[str, float] = {}

    def on_pod(self, change: Change[Pod]) -> None:
        """Note when a pod is seen on a node."""
        name, bound = change.key.name, change.new
        if bound is not None and bound.spec.node_name and name in self._sent:
            self.waited.setdefault(name, asyncio.get_running_loop().time() - self._sent[name])

    async def run(self, first: str, seconds: float) -> int:
        """Let pods come for so long, and return how many came."""
        loop, number = asyncio.get_running_loop(), 0
        rate = A_DAY * PEAK / SECONDS_OF_A_DAY
        async with asyncio.TaskGroup() as tasks:
            due = began = loop.time()
            while due < began + seconds:
                await asyncio.sleep(max(0.0, due - loop.time()))
                tasks.create_task(self._live(f"{first}-{number:05d}"))
                number, due = number + 1, due + self._rng.expovariate(rate)
        return number

    async def _live(self, name: str) -> None:
        self._sent[name] = asyncio.get_running_loop().time()
        made = await self._client.create(PODS, pod(name), namespace=NAMESPACE)
        await asyncio.sleep(LIFE_SECONDS)
        await self._client.delete(PODS, made)


async def measured(plane: ControlPlane, client: Client, scheduler: Any, seed: int, seconds: float) -> dict[str, float]:
    """Run a scheduler and let pods come; return percentiles of what they waited, in seconds."""
    arrivals, informer = Arrivals(client, seed), Informer(client, PODS, namespace=NAMESPACE)
    informer.add_handler(arrivals.on_pod)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(informer.run())
        await informer.wait_synced()
        with scheduler(plane):
            await arrivals.run("early", WARM_UP_SECONDS)
            arrivals.waited.clear()
            came = await arrivals.run("pod", seconds)
            waited = sorted(each for name, each in arrivals.waited.items() if name.startswith("pod-"))
            following.cancel()
    if len(waited) < came:
        print(f"{came - len(waited)} of {came} pods got no node")
        waited += [PATIENCE_SECONDS] * (came - len(waited))
    cuts = statistics.quantiles(waited, n=1000, method="inclusive")
    return {"p50": cuts[499], "p99": cuts[989], "most": waited[-1], "pods": len(waited)}


async def compare(plane: ControlPlane, options: argparse.Namespace) -> list[dict[str, float]]:
    """Measure both, one after the other."""
    client = connect(load(plane.kubeconfig))
    try:
        await prepare(client, options.nodes)
        return [await measured(plane, client, each, options.seed, options.seconds) for each in (ours, theirs)]
    finally:
        await client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    with bare_plane() as plane:
        mine, other = asyncio.run(compare(plane, options))
    label = f"{mine['pods']:.0f} pods at {A_DAY * PEAK / SECONDS_OF_A_DAY:.1f} a second, {options.nodes} nodes"
    results = [
        compared(f"{label}: {each}", "s", [mine[each]], [other[each]], "kube-scheduler", less_is_better=True)
        for each in ("p50", "p99", "most")
    ]
    goal = result(f"{label}: p99 against the goal", "s", [mine["p99"]], goal=GOAL_SECONDS, less_is_better=True)
    report("scheduler_latency", [*results, goal])


if __name__ == "__main__":
    main()
