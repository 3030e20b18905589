"""Pods a second that get a node: ours against kube-scheduler on a real API server, the same work, in turn.

Each run begins with an empty control plane; nodes and pods are created while no scheduler runs, then one is started
as a process of its own, and the time is taken from its start until every pod that can has a node. Both write their
Events and conditions. The cases are those of kube-scheduler's own scheduler_perf.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.report import compared, report
from kubewright.api.core import NAMESPACES, PODS, SERVICE_ACCOUNTS
from kubewright.api.meta import Manifest
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.pool import WorkerPool
from kubewright.twin.nodes import NodeShape, join
from tools.cluster import ControlPlane

NAMESPACE = "measured"
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 600.0


def pod(name: str, labels: dict[str, str] | None = None, cpu: str = "100m", **spec: Any) -> Manifest:
    """Return scheduler_perf's ordinary pod."""
    container = {"name": "main", "image": "pause", "resources": {"requests": {"cpu": cpu, "memory": "500Mi"}}}
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, **spec},
    }


def term(topology_key: str, color: str) -> Manifest:
    return {"labelSelector": {"matchLabels": {"color": color}}, "topologyKey": topology_key}


def plain(number: int) -> Manifest:
    return pod(f"pod-{number:05d}")


def with_node_affinity(number: int) -> Manifest:
    values = ["zone-a", "zone-b"]
    wanted = {"nodeSelectorTerms": [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": values}]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": wanted}}
    return pod(f"pod-{number:05d}", affinity=affinity)


def with_pod_affinity(number: int) -> Manifest:
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(ZONE, "blue")]}}
    return pod(f"pod-{number:05d}", {"color": "blue"}, affinity=affinity)


def with_anti_affinity(number: int) -> Manifest:
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(HOST, "green")]}}
    return pod(f"pod-{number:05d}", {"color": "green"}, affinity=affinity)


def with_preferred_anti_affinity(number: int) -> Manifest:
    preferred = [{"weight": 1, "podAffinityTerm": term(HOST, "yellow")}]
    affinity = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    return pod(f"pod-{number:05d}", {"color": "yellow"}, affinity=affinity)


def with_spread(number: int) -> Manifest:
    constraint = {
        "maxSkew": 5,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"color": "blue"}},
    }
    return pod(f"pod-{number:05d}", {"color": "blue"}, topologySpreadConstraints=[constraint])


def impossible(number: int) -> Manifest:
    return pod(f"large-{number:05d}", cpu="9")


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be placed; `backlog` pods fit nowhere and are there beside it. `per_node` limits the pods."""

    make: Callable[[int], Manifest]
    goal: float | None = None
    backlog: int = 0
    per_node: float | None = None


CASES = {
    "basic": Case(plain, goal=3.0),
    "node-affinity": Case(with_node_affinity, goal=1.0),
    "pod-affinity": Case(with_pod_affinity, goal=1.0),
    "anti-affinity": Case(with_anti_affinity, goal=1.0, per_node=0.9),
    "preferred-anti-affinity": Case(with_preferred_anti_affinity, goal=1.0),
    "topology-spread": Case(with_spread, goal=1.0),
    "unschedulable": Case(plain, goal=1.0, backlog=200),
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one scheduler did: pods a second from its start, and its processor time for each pod."""

    rate: float
    cpu_milliseconds: float
    events: int


async def prepare(client: Client, case: Case, nodes: int, pods: int) -> None:
    """Make nodes and pods."""
    shape = NodeShape(cpu="4", memory="32Gi", pods=110)
    await join(client, Clock.wall(), [f"node-{number:05d}" for number in range(nodes)], shape)
    await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    # No controller runs that would make it.
    await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, namespace=NAMESPACE)
    await _create(client, (case.make(number) for number in range(pods)))
    await _create(client, (impossible(number) for number in range(case.backlog)))


async def _create(client: Client, manifests: Iterator[Manifest]) -> None:
    pool = WorkerPool(lambda manifest: client.create(PODS, manifest, namespace=NAMESPACE), workers=24)
    async with pool.run(enumerate(manifests)) as results:
        async for each in results:
            each.value()


async def until_placed(client: Client, left: int) -> None:
    """Wait until no more than `left` pods are without a node."""
    query = {"fieldSelector": "spec.nodeName=", "limit": "1"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await client.raw("GET", f"/api/v1/namespaces/{NAMESPACE}/pods", query=query)
            if len(found["items"]) + found["metadata"].get("remainingItemCount", 0) <= left:
                return
            await asyncio.sleep(LOOK_SECONDS)


@contextmanager
def ours(plane: ControlPlane) -> Iterator[int]:
    """Run our scheduler in kube-scheduler's place; gives its process id."""
    command = [sys.executable, "-m", "kubewright", "run", "scheduler", "--name", "default-scheduler"]
    options = ["--kubeconfig", str(plane.kubeconfig), "--no-leader-elect", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def theirs(plane: ControlPlane) -> Iterator[int]:
    """Run kube-scheduler."""
    plane.restart("kube-scheduler")
    try:
        yield plane.running["kube-scheduler"].pid
    finally:
        plane.kill("kube-scheduler")


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


_TICKS = 100


def measure(scheduler: Callable[[ControlPlane], Any], case: Case, nodes: int, pods: int) -> Run:
    """Prepare a control plane, run one scheduler on it, and say how fast it was."""
    pods = pods if case.per_node is None else min(pods, int(nodes * case.per_node))
    with (
        tempfile.TemporaryDirectory() as state,
        ControlPlane.start(Path(state), controllers=False, scheduler=False) as plane,
    ):
        return asyncio.run(_measure(plane, scheduler, case, nodes, pods))


async def _measure(plane: ControlPlane, scheduler: Any, case: Case, nodes: int, pods: int) -> Run:
    client = connect(load(plane.kubeconfig))
    try:
        await prepare(client, case, nodes, pods)
        begun = time.perf_counter()
        with scheduler(plane) as pid:
            await until_placed(client, case.backlog)
            seconds = time.perf_counter() - begun
            cpu = cpu_seconds(pid)
            events = await _settled_events(client)
    finally:
        await client.close()
    return Run(pods / seconds, cpu / pods * 1000, events)


async def _settled_events(client: Client) -> int:
    """Count the Events, once no more come: they are written behind the bindings."""
    before = -1
    while True:
        found = await client.raw("GET", f"/api/v1/namespaces/{NAMESPACE}/events", query={"limit": "1"})
        now = len(found["items"]) + found["metadata"].get("remainingItemCount", 0)
        if now == before:
            return now
        before = now
        await asyncio.sleep(1.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--pods", type=int, default=1500)
    parser.add_argument("--case", choices=[*CASES, "all"], default="all")
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    results = []
    for name in CASES if options.case == "all" else [options.case]:
        case = CASES[name]
        mine: list[Run] = []
        other: list[Run] = []
        for _ in range(options.runs):
            mine.append(measure(ours, case, options.nodes, options.pods))
            other.append(measure(theirs, case, options.nodes, options.pods))
        label = f"{name}/{options.nodes}"
        rates = [run.rate for run in mine], [run.rate for run in other]
        cpu = [run.cpu_milliseconds for run in mine], [run.cpu_milliseconds for run in other]
        results.append(compared(label, "pods/s", *rates, "kube-scheduler", goal=case.goal))
        results.append(compared(f"{label}, cpu", "ms/pod", *cpu, "kube-scheduler", less_is_better=True))
        print(f"{label}: events written {[run.events for run in mine]}, by the peer {[run.events for run in other]}")
    report("scheduler", results)


if __name__ == "__main__":
    main()
