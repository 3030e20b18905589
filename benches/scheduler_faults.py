"""Pods through the scheduler while everything goes wrong: none may be lost, bound twice, or put where there is no room.

The scheduler talks to a real API server through `faulty_proxy` and is killed (SIGKILL) five times on the way. Pods are
created meanwhile, and fill the nodes to the last but a few. What the API server holds is followed without the proxy.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benches.report import report, result
from benches.scheduler import NAMESPACE, as_installed, bare_plane, in_parallel, node, pod, prepare
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.resources import CPU, amounts
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import Client
from kubewright.runtime.informer import Change, Informer
from tools.cluster import ControlPlane

PER_NODE = 40
"""Of a node's four cores, pods that take a tenth of one."""
SPARE = 1.02
KILLS = 5
STALLED_SECONDS = 180.0
LOOK_SECONDS = 0.5


@dataclass(slots=True)
class Followed:
    """What became of the pods, as the API server tells without the proxy."""

    nodes: dict[str, str] = field(default_factory=dict[str, str])
    """By a pod's uid, the node that it was first seen on."""
    moved: set[str] = field(default_factory=set[str])
    gone: set[ObjectKey] = field(default_factory=set[ObjectKey])

    def on_pod(self, change: Change[Pod]) -> None:
        """Take note of where a pod is."""
        pod = change.new
        if pod is None:
            self.gone.add(change.key)
        elif pod.spec.node_name and self.nodes.setdefault(pod.metadata.uid, pod.spec.node_name) != pod.spec.node_name:
            self.moved.add(pod.metadata.uid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def proxied(plane: ControlPlane, seed: int) -> Generator[Path]:
    """Run the proxy; give a kubeconfig that leads to it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benches.faulty_proxy", plane.server, str(plane.certificate_authority)]
    process = subprocess.Popen([*command, str(port), str(seed)])
    config = yaml.safe_load(plane.kubeconfig.read_text(encoding="utf-8"))
    for cluster in config["clusters"]:
        cluster["cluster"] = {"server": address}
    path = plane.state / "proxied.kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    try:
        yield path
    finally:
        process.terminate()
        process.wait(timeout=30)


class Killed:
    """The scheduler, which is killed and started again each time that so many more pods have nodes."""

    def __init__(self, kubeconfig: Path, pods: int) -> None:
        options = ["--kubeconfig", str(kubeconfig), "--no-leader-elect", "--listen", "127.0.0.1:0"]
        self._command = [
            sys.executable,
            "-m",
            "kubewright",
            "run",
            "scheduler",
            "--name",
            "default-scheduler",
            *options,
        ]
        self._due = [pods * (number + 1) // (KILLS + 1) for number in range(KILLS)]
        self.kills = 0
        self.other_ends = 0
        self._start()

    def look(self, bound: int) -> None:
        """Kill it if it is time to, and see to it that it runs."""
        if self._process.poll() is not None:
            self.other_ends += 1  # it could not connect, say, and whoever runs it starts it again
            self._start()
        elif self._due and bound >= self._due[0]:
            self._due.pop(0)
            self.kills += 1
            self._process.kill()
            self._process.wait()
            self._start()

    def end(self) -> None:
        """End it for good."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, env=as_installed())


async def live(plane: ControlPlane, pods: int, seed: int) -> dict[str, float]:
    """Let all pods be placed, and return what is to be reported."""
    client = connect(load(plane.kubeconfig))
    nodes = int(pods / PER_NODE * SPARE) + 1
    await prepare(client, nodes)
    followed, informer = Followed(), Informer(client, PODS, namespace=NAMESPACE)
    informer.add_handler(followed.on_pod)
    began = time.perf_counter()
    with proxied(plane, seed) as kubeconfig:
        killed = Killed(kubeconfig, pods)
        try:
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(informer.run())
                tasks.create_task(create(client, pods))
                await _until_placed(followed, killed, pods)
                following.cancel()
        finally:
            killed.end()
    seconds = time.perf_counter() - began
    found = await outcome(client, followed, pods)
    await client.close()
    return found | {"kills": killed.kills, "other ends": killed.other_ends, "pods/s": pods / seconds}


async def create(client: Client, pods: int) -> None:
    await in_parallel(client.create(PODS, pod(f"pod-{each:06d}"), namespace=NAMESPACE) for each in range(pods))


async def _until_placed(followed: Followed, killed: Killed, pods: int) -> None:
    before, since = 0, time.perf_counter()
    while before < pods:
        await asyncio.sleep(LOOK_SECONDS)
        bound = len(followed.nodes)
        killed.look(bound)
        if bound > before:
            before, since = bound, time.perf_counter()
        elif time.perf_counter() - since > STALLED_SECONDS:
            print(f"no pod got a node for {STALLED_SECONDS:.0f} s; {pods - bound} have none")
            return


async def outcome(client: Client, followed: Followed, pods: int) -> dict[str, float]:
    """Read the whole cluster once more, and count what must not be."""
    listed = (await client.list(PODS, namespace=NAMESPACE)).items
    taken: dict[str, int] = {}
    for each in listed:
        if each.spec.node_name:
            taken[each.spec.node_name] = taken.get(each.spec.node_name, 0) + 1
    placed = [each for each in listed if each.spec.node_name]
    moved = [each for each in placed if followed.nodes.get(each.metadata.uid) != each.spec.node_name]
    most = amounts(node(0)["status"]["allocatable"])[CPU] // 100
    return {
        "lost": pods - len(placed) + len(followed.gone),
        "bound twice": len(followed.moved) + len(moved),
        "over-committed": sum(count > most for count in taken.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    with bare_plane() as plane:
        found = asyncio.run(live(plane, options.pods, options.seed))
    label = f"{options.pods:,} pods, {found['kills']:.0f} kills"
    goals = {"lost": "pods", "bound twice": "pods", "over-committed": "nodes"}
    results = [
        result(f"{label}: {name}", unit, [found[name]], goal=0, less_is_better=True) for name, unit in goals.items()
    ]
    results.append(result(f"{label}: rate, restarts included", "pods/s", [found["pods/s"]]))
    report("scheduler_faults", results)


if __name__ == "__main__":
    main()
