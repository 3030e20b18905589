"""How long the twin takes to bring 1,000 AppServices to Ready, in this process and on the ordinary loop.

Everything is included: API server, controllers, placement, kubelets with their simulated start-up times, and the
platform itself, on one core.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benches.fleet import Fleet, until_ready
from benches.report import report, result
from kubewright.app import Platform
from kubewright.clock import Clock
from kubewright.runtime.heap import keep_many_objects
from kubewright.twin.cluster import Twin

GOAL_SECONDS = 20
PODS_PER_NODE = 100


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    keep_many_objects()
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
