"""What 200 AppServices cost on the real control plane: time until all are Ready, and the platform's API calls.

The platform runs in this process, over HTTPS. Nodes are simulated, their kubelets share the process; etcd, API server,
controller manager and scheduler are the real ones, on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from prometheus_client import CollectorRegistry

from benches.fleet import Fleet, until_ready
from benches.report import report, result
from kubewright.app import Platform
from kubewright.client.connect import connect
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.runtime.metered import MeteredTransport
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.twin.cluster import SimulatedNodes
from tools.cluster import ControlPlane

PODS_PER_NODE = 100


async def deploy(kubeconfig: Path, count: int) -> tuple[float, float, float]:
    """Return the seconds until all are ready, and the platform's writes and reads for each application."""
    config = load(kubeconfig)
    clock = Clock.wall()
    registry = CollectorRegistry()
    metrics = RuntimeMetrics(registry)
    metered = RestClient(MeteredTransport(HttpTransport(config), metrics, config.server))
    others = connect(config)
    platform = Platform(metered, clock, metrics=metrics)
    nodes = SimulatedNodes(others, clock, nodes=count // PODS_PER_NODE + 1)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(platform.run()), tasks.create_task(nodes.run())]
        await until_ready(platform)
        before = requests(registry)
        seconds = await Fleet(others, count).deploy()
        after = requests(registry)
        for task in running:
            task.cancel()
    await metered.close()
    await others.close()
    calls = {method: (after[method] - before.get(method, 0)) / count for method in after}
    reads = calls.pop("GET", 0.0)
    return seconds, sum(calls.values()), reads


def requests(registry: CollectorRegistry) -> dict[str, float]:
    """Return how many requests the platform has made, by method."""
    counted: dict[str, float] = {}
    for family in registry.collect():
        for sample in family.samples:
            if sample.name == "rest_client_requests_total":
                method = sample.labels["method"]
                counted[method] = counted.get(method, 0.0) + sample.value
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    measured: list[tuple[float, float, float]] = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as state, ControlPlane.start(Path(state)) as plane:
            measured.append(asyncio.run(deploy(plane.kubeconfig, options.count)))
    seconds, writes, reads = zip(*measured, strict=True)
    case = f"{options.count} AppServices on the control plane"
    report(
        "control_plane_apps",
        [
            result(f"{case}, to Ready", "s", seconds),
            result(f"{case}: writes, events included", "calls/app", writes),
            result(f"{case}: reads", "calls/app", reads),
        ],
    )


if __name__ == "__main__":
    main()
