"""How long the twin takes to bring 1,000 AppServices to Ready, in this process and on the ordinary loop.

Everything is included: API server, controllers, placement, kubelets with their simulated start-up times, and the
platform itself, on one core.

`--growth` measures instead what one application costs when there are more and more of them: the platform on the twin's
API server alone, under virtual time, since what pods cost would hide it. CPU is taken until all are applied, and again
for half a minute in which every one of them has its turn and nothing is to be done.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from benches.fleet import NAMESPACE, Fleet, manifest, until_ready
from benches.report import Result, compared, report, result
from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.app import Platform
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.heap import keep_many_objects
from kubewright.twin.cluster import Twin
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from kubewright.workloads.controller import RESYNC_SECONDS

GOAL_SECONDS = 20
PODS_PER_NODE = 100
GROWTH = (1000, 3000, 10_000)
LINEAR = 0.8
"""What one among few costs, in parts of what one among many does: less is more than noise."""


async def deploy(count: int) -> tuple[float, float, int]:
    """Return the seconds of wall clock and of CPU until all are ready, and the writes that it took."""
    clock = Clock.wall()
    async with Twin(clock, nodes=count // PODS_PER_NODE + 2) as twin, asyncio.TaskGroup() as tasks:
        platform = Platform(twin.client(), clock)
        running = tasks.create_task(platform.run())
        await until_ready(platform)
        cpu, revision = time.process_time(), twin.server.store.revision
        seconds = await Fleet(twin.client(), count).deploy()
        cpu, writes = time.process_time() - cpu, twin.server.store.revision - revision
        running.cancel()
    return seconds, cpu, writes


async def apply_all(count: int) -> tuple[float, float]:
    """Return the CPU milliseconds that each application takes until it is applied, and then for a turn at rest."""
    clock = Clock.virtual()
    client = RestClient(InProcessTransport(ApiServer(clock, KindTable.builtin())))
    await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    platform = Platform(client, clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(platform.run())
        await until_ready(platform)
        cpu = time.process_time()
        for number in range(count):
            await client.create(APP_SERVICES, manifest(number), namespace=NAMESPACE)
        await asyncio.sleep(RESYNC_SECONDS / 2)
        applied, cpu = time.process_time() - cpu, time.process_time()
        await asyncio.sleep(RESYNC_SECONDS)
        turns = time.process_time() - cpu
        running.cancel()
    return applied / count * 1000, turns / count * 1000


def growth(counts: Sequence[int], runs: int) -> list[Result]:
    """Compare what an application costs among many with what it costs among few."""
    costs: dict[int, list[tuple[float, float]]] = {count: [] for count in counts}
    for _ in range(runs):
        for count in counts:
            costs[count].append(run_virtual(apply_all(count)))
            print(f"{count}: {costs[count][-1][0]:.2f} and {costs[count][-1][1]:.3f} ms each", flush=True)
    found: list[Result] = []
    for part, title in enumerate(("applied", "a turn at rest")):
        few = [run[part] for run in costs[counts[0]]]
        found.append(result(f"{title}, one of {counts[0]} AppServices: CPU", "ms", few))
        for count in counts[1:]:
            many = [run[part] for run in costs[count]]
            case, among = f"{title}, one of {count}: CPU", f"one of {counts[0]}"
            found.append(compared(case, "ms", many, few, among, goal=LINEAR, less_is_better=True))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="*", metavar="COUNT", help="default: 1000 3000 10000")
    options = parser.parse_args()
    keep_many_objects()
    if options.growth is not None:
        report("twin_apps", growth(options.growth or GROWTH, options.runs))
        return
    runs = [asyncio.run(deploy(options.count)) for _ in range(options.runs)]
    wall, cpu, writes = zip(*runs, strict=True)
    case = f"{options.count} AppServices to Ready on the twin"
    report(
        "twin_apps",
        [
            result(case, "s", wall, goal=GOAL_SECONDS, less_is_better=True),
            result(f"{case}: CPU", "CPU-s", cpu),
            result(f"{case}: stored changes", "writes", writes),
        ],
    )


if __name__ == "__main__":
    main()
