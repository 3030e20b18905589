"""Pods a second that get a node: ours against kube-scheduler on a real API server, the same work, in turn.

Each case has a control plane of its own, on which both take turns: pods are created while no scheduler runs, then one
is started as a process of its own, and the time is taken from its start until every pod that can has a node. Both
write their Events and conditions; those that come behind the last binding are waited for and counted. The cases are
those of kube-scheduler's own scheduler_perf, whose nodes are objects without a kubelet, too; for gangs the feature gate
of PodGroups is on, as it is there.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benches.report import Result, compared, report
from kubewright.api.core import EVENTS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS, SERVICES
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource
from kubewright.api.podgroups import POD_GROUPS
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.pool import WorkerPool
from tools.cluster import ControlPlane

NAMESPACE, ELSEWHERE = "measured", "elsewhere"
CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", PartialObject, namespaced=False)
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
LOOK_SECONDS = 0.2
CHURN_SECONDS = 0.5
PATIENCE_SECONDS = 600.0
LARGE = 5000
GATES = {
    "kube-apiserver": [
        "--feature-gates=GenericWorkload=true",
        "--runtime-config=scheduling.k8s.io/v1beta1=true",
        "--disable-admission-plugins=PodGroupProtection",  # no controller runs that would let a group go
    ],
    "kube-scheduler": ["--feature-gates=GenericWorkload=true"],
}
"""What has a control plane know PodGroups."""


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


def important(number: int) -> Manifest:
    return pod(f"pod-{number:05d}", cpu="3", priorityClassName="important")


def impossible(number: int) -> Manifest:
    return pod(f"large-{number:05d}", cpu="9")


def in_gang(number: int, size: int) -> Manifest:
    return pod(f"pod-{number:05d}", schedulingGroup={"podGroupName": f"gang-{number // size:05d}"})


def in_small_gang(number: int) -> Manifest:
    return in_gang(number, 3)


def in_large_gang(number: int) -> Manifest:
    return in_gang(number, 1000)


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be placed; `backlog` pods fit nowhere and are there beside it. `per_node` limits the pods."""

    make: Callable[[int], Manifest]
    goal: float = 1.0
    goal_at_5000_nodes: float = 1.0
    backlog: int = 0
    per_node: float | None = None
    is_full: bool = False
    """Whether four pods of lower priority are on each node, of which three have to go for one."""
    is_churned: bool = False
    """Whether a node, a service and a pod that fits nowhere come and go all the time."""
    gang_size: int | None = None
    """How many pods a gang has; the last may have fewer."""


CASES = {
    "basic": Case(plain, 3.0, 4.0),
    "churn": Case(plain, is_churned=True),
    "node-affinity": Case(with_node_affinity),
    "pod-affinity": Case(with_pod_affinity, 1.0, 10.0),
    "anti-affinity": Case(with_anti_affinity, 1.0, 10.0, per_node=0.9),
    "preferred-anti-affinity": Case(with_preferred_anti_affinity),
    "topology-spread": Case(with_spread),
    "preemption": Case(important, per_node=0.4, is_full=True),
    "unschedulable": Case(plain, backlog=200),
    "gangs": Case(in_small_gang, gang_size=3),
    "large-gangs": Case(in_large_gang, gang_size=1000),
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one scheduler did: pods a second from its start, and its processor time for each pod, Events included."""

    rate: float
    rate_running: float
    """From the first pod's binding: without what it takes to start."""
    rate_with_events: float
    """From its start until the last Event was there, too."""
    cpu_milliseconds: float
    events: int


async def prepare(client: Client, nodes: int) -> None:
    """Make nodes and namespaces."""
    await in_parallel(client.create(NODES, node(number)) for number in range(nodes))
    await client.create(CLASSES, {"metadata": {"name": "important"}, "value": 1000})
    for name in (NAMESPACE, ELSEWHERE):
        await client.create(NAMESPACES, {"metadata": {"name": name}})
        # No controller runs that would make it.
        await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, namespace=name)


def node(number: int, name: str = "node") -> Manifest:
    """Return a node in one of three zones."""
    name = f"{name}-{number:05d}"
    labels = {HOST: name, ZONE: f"zone-{'abc'[number % 3]}", "topology.kubernetes.io/region": "region-1"}
    amounts = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    status = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
    return {"metadata": {"name": name, "labels": labels}, "status": status}


async def fill(client: Client, case: Case, nodes: int, pods: int) -> None:
    """Make the pods that are to be placed, and those that are in their way."""
    if case.is_full:
        low = (pod(f"low-{each:05d}", cpu="900m", nodeName=f"node-{each % nodes:05d}") for each in range(4 * nodes))
        await in_parallel(client.create(PODS, each, namespace=ELSEWHERE) for each in low)
    if case.gang_size is not None:
        groups = gangs(pods, case.gang_size)
        await in_parallel(client.create(POD_GROUPS, each, namespace=NAMESPACE) for each in groups)
    wanted = [*map(case.make, range(pods)), *map(impossible, range(case.backlog))]
    await in_parallel(client.create(PODS, each, namespace=NAMESPACE) for each in wanted)


def gangs(pods: int, size: int) -> Iterator[Manifest]:
    """Return the PodGroups of so many pods: all of a gang's run, or none."""
    for number, first in enumerate(range(0, pods, size)):
        gang = {"gang": {"minCount": min(size, pods - first)}}
        yield {"metadata": {"name": f"gang-{number:05d}"}, "spec": {"schedulingPolicy": gang}}


async def in_parallel(calls: Iterable[Awaitable[object]]) -> None:
    async def wait(call: Awaitable[object]) -> None:
        await call

    pool = WorkerPool(wait, workers=24)
    async with pool.run(enumerate(calls)) as results:
        async for each in results:
            each.value()


async def clear(client: Client, *, has_gangs: bool) -> None:
    """Take all pods, their groups and their Events away."""
    for namespace in (NAMESPACE, ELSEWHERE):
        for resource in (PODS, EVENTS):
            while await count(client, namespace, resource.plural):
                await delete_all(client, namespace, resource.plural)
                await asyncio.sleep(LOOK_SECONDS)
    if has_gangs:
        await client.raw("DELETE", f"/apis/scheduling.k8s.io/v1beta1/namespaces/{NAMESPACE}/podgroups")


async def delete_all(client: Client, namespace: str, plural: str) -> None:
    """Have objects deleted, as many as the API server gets through before the client gives up."""
    try:
        await client.raw("DELETE", f"/api/v1/namespaces/{namespace}/{plural}")
    except OpError as error:
        if error.kind is not ErrorKind.TIMEOUT:
            raise


async def count(client: Client, namespace: str, plural: str) -> int:
    """Ask how many objects there are."""
    found = await client.raw("GET", f"/api/v1/namespaces/{namespace}/{plural}", query={"limit": "1"})
    return len(found["items"]) + found["metadata"].get("remainingItemCount", 0)


async def until_placed(client: Client, left: int) -> float:
    """Wait until no more than `left` pods are without a node; return when the first was seen to have one."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await some(client, "spec.nodeName!=", 1):  # noqa: ASYNC110  another process's doing
            await asyncio.sleep(LOOK_SECONDS)
        first_at = time.perf_counter()
        while await some(client, "spec.nodeName=", left + 1) > left:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
    return first_at


async def some(client: Client, field_selector: str, most: int) -> int:
    """Count the pods that a selector chooses, up to so many."""
    query = {"fieldSelector": field_selector, "limit": str(most)}
    return len((await client.raw("GET", f"/api/v1/namespaces/{NAMESPACE}/pods", query=query))["items"])


async def churn(client: Client) -> None:
    """Let a node, a service and a large pod come and go, as scheduler_perf does; none is left in the end."""
    number = 0
    while True:
        number += 1
        made: list[tuple[Resource[Any], str, Manifest]] = [
            (NODES, "", node(number, "passing")),
            (PODS, ELSEWHERE, pod(f"passing-{number}", cpu="9", priorityClassName="important")),
            (SERVICES, ELSEWHERE, {"metadata": {"name": f"passing-{number}"}, "spec": {"ports": [{"port": 80}]}}),
        ]
        try:
            for resource, namespace, manifest in made:
                await client.create(resource, manifest, namespace=namespace)
            await asyncio.sleep(CHURN_SECONDS)
        finally:
            for resource, namespace, manifest in made:
                await gone(client, resource, ObjectKey(namespace, manifest["metadata"]["name"]))


async def gone(client: Client, resource: Resource[Any], key: ObjectKey) -> None:
    """Delete what may not be there."""
    try:
        await client.delete(resource, key)
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise


@functools.cache
def as_installed() -> Mapping[str, str]:
    """Return an environment in which modules are compiled beforehand, as those of an installed package are."""
    place = {"PYTHONPYCACHEPREFIX": tempfile.mkdtemp(prefix="kubewright-bench-")}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | place
    atexit.register(shutil.rmtree, place["PYTHONPYCACHEPREFIX"], ignore_errors=True)
    imports = "import kubewright.cli.run, kubewright.cli.platform, kubewright.runtime.process, uvloop"
    subprocess.run([sys.executable, "-c", imports], env=kept, check=True)
    return kept


@contextmanager
def ours(plane: ControlPlane) -> Generator[int]:
    """Run our scheduler in kube-scheduler's place; gives its process id."""
    command = [sys.executable, "-m", "kubewright", "run", "scheduler", "--name", "default-scheduler"]
    options = ["--kubeconfig", str(plane.kubeconfig), "--no-leader-elect", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, env=as_installed())
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def theirs(plane: ControlPlane) -> Generator[int]:
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


@contextmanager
def bare_plane(gates: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Generator[ControlPlane]:
    """Run an API server alone, on which nodes that nobody stands behind are taken as they are."""
    bare = {"kube-apiserver": ["--disable-admission-plugins=TaintNodesByCondition", *gates.get("kube-apiserver", ())]}
    with (
        tempfile.TemporaryDirectory() as state,
        ControlPlane.start(Path(state), controllers=False, scheduler=False, extra_arguments={**gates, **bare}) as plane,
    ):
        yield plane


def measure(
    case: Case, nodes: int, pods: int, runs: int, *schedulers: Callable[[ControlPlane], Any]
) -> list[list[Run]]:
    """Let schedulers take turns on one control plane, and say how fast each run was."""
    pods = pods if case.per_node is None else min(pods, int(nodes * case.per_node))
    with bare_plane({} if case.gang_size is None else GATES) as plane:
        return asyncio.run(_measure(plane, case, (nodes, pods, runs), schedulers))


async def _measure(
    plane: ControlPlane, case: Case, amounts: tuple[int, int, int], schedulers: Sequence[Any]
) -> list[list[Run]]:
    nodes, pods, runs = amounts
    client = connect(load(plane.kubeconfig))
    found: list[list[Run]] = [[] for _ in schedulers]
    try:
        await prepare(client, nodes)
        for _ in range(runs):
            for scheduler, mine in zip(schedulers, found, strict=True):
                await fill(client, case, nodes, pods)
                mine.append(await _run(plane, client, scheduler, case, pods))
                print(f"{scheduler.__name__}: {mine[-1]}", flush=True)
                await clear(client, has_gangs=case.gang_size is not None)
    finally:
        await client.close()
    return found


async def _run(plane: ControlPlane, client: Client, scheduler: Any, case: Case, pods: int) -> Run:
    async with asyncio.TaskGroup() as tasks:
        churning = tasks.create_task(churn(client)) if case.is_churned else None
        begun = time.perf_counter()
        with scheduler(plane) as pid:
            first_at = await until_placed(client, case.backlog)
            placed_at = time.perf_counter()
            if churning is not None:
                churning.cancel()
            events, at = await _settled_events(client)
            cpu = cpu_seconds(pid)
    whole = max(placed_at, at) - begun
    return Run(pods / (placed_at - begun), pods / (placed_at - first_at), pods / whole, cpu / pods * 1000, events)


async def _settled_events(client: Client) -> tuple[int, float]:
    """Count the Events, once no more come: they are written behind the bindings. Also when the last was there."""
    before, at = -1, 0.0
    while True:
        now = await count(client, NAMESPACE, "events")
        if now == before:
            return now, at
        before, at = now, time.perf_counter()
        await asyncio.sleep(1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--pods", type=int, default=1500)
    parser.add_argument("--case", choices=[*CASES, "all"], default="all")
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    results: list[Result] = []
    for name in CASES if options.case == "all" else [options.case]:
        case = CASES[name]
        mine, other = measure(case, options.nodes, options.pods, options.runs, ours, theirs)
        label = f"{name}/{options.nodes}"
        goal = case.goal_at_5000_nodes if options.nodes >= LARGE else case.goal
        rates = [run.rate for run in mine], [run.rate for run in other]
        running = [run.rate_running for run in mine], [run.rate_running for run in other]
        whole = [run.rate_with_events for run in mine], [run.rate_with_events for run in other]
        cpu = [run.cpu_milliseconds for run in mine], [run.cpu_milliseconds for run in other]
        results.append(compared(label, "pods/s", *rates, "kube-scheduler", goal=goal))
        results.append(compared(f"{label}, from the first binding", "pods/s", *running, "kube-scheduler"))
        results.append(compared(f"{label}, until their Events are written", "pods/s", *whole, "kube-scheduler"))
        results.append(compared(f"{label}, cpu", "ms/pod", *cpu, "kube-scheduler", less_is_better=True))
        print(f"{label}: events written {[run.events for run in mine]}, by the peer {[run.events for run in other]}")
        report("scheduler", results[-4:])
    report("scheduler", results)


if __name__ == "__main__":
    main()
