"""Two nodes of one zone die: what follows, when and in which order, on the twin and on the real control plane.

Default timings everywhere: fifty seconds of silence, one node given up every ten seconds, five minutes of toleration.
The control plane lives through it once, which takes some seven minutes, with our kubelets on it; the twin several
times under virtual time, dying at other moments of its controllers' rounds. Times count from the last sign of life of
the node that was given up first. Afterwards that node is declared out of service, and the other one is deleted.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benches.report import Result, compared, report, result
from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.conditions import find_condition
from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES, SERVICES, Pod
from kubewright.api.meta import ObjectKey, Resource, parse_time
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import Client
from kubewright.clock import Clock, run_virtual
from kubewright.twin.caches import BY_NODE, Caches
from kubewright.twin.cluster import SimulatedNodes, Twin
from kubewright.twin.kubelet.driver import Kubelet
from kubewright.twin.nodes import NodeShape
from tools.cluster import ControlPlane

GOAL_PERCENT = 5.0
NODES_MADE = 8
SHAPE = NodeShape(zones=("zone-a", "zone-b"))
REPLICAS = 16
DEAD = 2
UNREACHABLE = "node.kubernetes.io/unreachable"
OUT_OF_SERVICE = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
HASTY_SECONDS = 30
LIMIT_SECONDS = 600.0
LOOK_SECONDS = 6.0
PAUSE_SECONDS = 20.0
TURN_SECONDS = 3.0
"""So much later the nodes die at each turn, and it is others: at another moment of all that goes by rounds."""

Holds = Callable[[], bool]


def workload(resource: Resource[Any], name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    container = {
        "name": "main",
        "image": f"shop/{name}:1",
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    pod = {"containers": [container], "tolerations": spec.pop("tolerations", [])}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


@dataclass
class Chronicle:
    """Notes when each of some statements first holds, looking at every change of what it watches."""

    caches: Caches
    clock: Clock
    awaited: dict[str, Holds] = field(default_factory=dict[str, Holds])
    times: dict[str, float] = field(default_factory=dict[str, float])
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def follow(self) -> None:
        """Begin to look."""
        for informer in (self.caches.nodes, self.caches.pods, self.caches.endpoint_slices):
            informer.add_handler(self._look)

    def _look(self, _: object) -> None:
        for name, holds in list(self.awaited.items()):
            if holds():
                self.times[name] = self.clock.now()
                del self.awaited[name]
                self.news.set()

    async def until_all(self) -> None:
        """Wait until nothing is awaited any more."""
        self._look(None)
        async with asyncio.timeout(LIMIT_SECONDS):
            while self.awaited:
                self.news.clear()
                await self.news.wait()


@dataclass
class Story:
    """One cluster's story."""

    client: Client
    clock: Clock
    kubelet: Kubelet
    caches: Caches
    seen: Chronicle
    turn: int
    """Which nodes die."""

    def pods(self, app: str) -> list[Pod]:
        """Return an application's pods."""
        return [pod for pod in self.caches.pods.index.values() if pod.metadata.labels.get("app") == app]

    def on(self, node: str, app: str = "") -> list[Pod]:
        """Return the pods on a node."""
        pods = self.caches.pods.index.by(BY_NODE, node)
        return [pod for pod in pods if not app or pod.metadata.labels.get("app") == app]

    def well(self, app: str, count: int) -> bool:
        """Tell whether so many pods of an application are ready."""
        return sum(pod.is_ready and not pod.is_terminating for pod in self.pods(app)) == count

    def ready_status(self, node: str) -> str:
        """Return what a node's Ready condition says."""
        found = self.caches.nodes.index.get(ObjectKey("", node))
        ready = find_condition(found.status.conditions, "Ready") if found else None
        return ready.status if ready else ""

    def tainted(self, node: str, effect: str) -> bool:
        """Tell whether a node is known to be unreachable."""
        found = self.caches.nodes.index.get(ObjectKey("", node))
        return found is not None and any((each.key, each.effect) == (UNREACHABLE, effect) for each in found.spec.taints)

    def in_traffic(self, node: str) -> bool:
        """Tell whether a service leads to a pod of a node."""
        pieces = self.caches.endpoint_slices.index.values()
        return any(
            each.node_name == node and each.conditions.ready for piece in pieces for each in piece.endpoints or ()
        )

    async def deploy(self) -> None:
        """Put something of each kind on every node."""
        hasty = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": HASTY_SECONDS}
        for resource, manifest in (
            (DEPLOYMENTS, workload(DEPLOYMENTS, "web", replicas=REPLICAS)),
            (DEPLOYMENTS, workload(DEPLOYMENTS, "hasty", replicas=REPLICAS, tolerations=[hasty])),
            (
                STATEFUL_SETS,
                workload(STATEFUL_SETS, "db", replicas=REPLICAS, serviceName="db", podManagementPolicy="Parallel"),
            ),
            (DAEMON_SETS, workload(DAEMON_SETS, "agent")),
            (SERVICES, service("web")),
        ):
            await self.client.create(resource, manifest, namespace="default")
        for app in ("web", "hasty", "db"):
            self.seen.awaited[f"{app} deployed"] = lambda app=app: self.well(app, REPLICAS)
        self.seen.awaited["agent deployed"] = lambda: self.well("agent", NODES_MADE)
        await self.seen.until_all()

    def victims(self) -> list[str]:
        """Choose nodes of one zone that have pods of every kind."""
        nodes = sorted(self.caches.nodes.index.values(), key=lambda each: each.metadata.name)
        zone = SHAPE.zones[0]
        apps = ("web", "hasty", "db", "agent")
        chosen = [
            node.metadata.name
            for node in nodes
            if node.metadata.labels["topology.kubernetes.io/zone"] == zone
            and all(self.on(node.metadata.name, app) for app in apps)
        ]
        return [chosen[(self.turn + number) % len(chosen)] for number in range(DEAD)]

    def expect(self, number: str, node: str) -> None:
        """Await what follows the death of one node."""
        self.seen.awaited |= {
            f"{number} node: Ready is Unknown": lambda: self.ready_status(node) == "Unknown",
            f"{number} node: taint NoSchedule": lambda: self.tainted(node, "NoSchedule"),
            f"{number} node: pods not ready": lambda: not any(pod.is_ready for pod in self.on(node)),
            f"{number} node: out of endpoints": lambda: not self.in_traffic(node),
            f"{number} node: taint NoExecute": lambda: self.tainted(node, "NoExecute"),
            f"{number} node: hasty pods told to go": lambda: all(pod.is_terminating for pod in self.on(node, "hasty")),
            f"{number} node: web pods told to go": lambda: all(pod.is_terminating for pod in self.on(node, "web")),
            f"{number} node: db pods told to go": lambda: all(pod.is_terminating for pod in self.on(node, "db")),
        }

    async def die(self) -> tuple[float, list[str]]:
        """Kill two nodes; return the last sign of life of the one that was given up first, and both in that order."""
        dead = self.victims()
        for node in dead:
            self.kubelet.kill_node(node)
        heard = {}
        for node in dead:
            lease = await self.client.get(LEASES, ObjectKey("kube-node-lease", node))
            heard[node] = parse_time(lease.spec.renew_time or "")
        given_up = {node: (lambda node=node: self.tainted(node, "NoExecute")) for node in dead}
        self.seen.awaited |= given_up
        # Which of them is the first shows only then: until all is known, what is awaited goes by node.
        for node in dead:
            self.expect(node, node)
        for app in ("hasty", "web"):
            self.seen.awaited |= {
                f"{app} replaced: created": lambda app=app: self._replaced(app, dead, lambda _: True),
                f"{app} replaced: bound": lambda app=app: self._replaced(
                    app, dead, lambda pod: bool(pod.spec.node_name)
                ),
                f"{app} replaced: ready": lambda app=app: self._replaced(app, dead, lambda pod: pod.is_ready),
            }
        await self.seen.until_all()
        order = sorted(dead, key=self.seen.times.pop)
        for number, node in zip(("first", "second"), order, strict=True):
            for name in [each for each in self.seen.times if each.startswith(f"{node} node")]:
                self.seen.times[name.replace(node, number)] = self.seen.times.pop(name)
        return heard[order[0]], order

    def _replaced(self, app: str, dead: list[str], holds: Callable[[Pod], bool]) -> bool:
        pods = [pod for pod in self.pods(app) if not pod.is_terminating and pod.spec.node_name not in dead]
        return sum(holds(pod) for pod in pods) == REPLICAS

    async def bury(self, first: str, second: str) -> None:
        """Declare one node out of service and delete the other; until then a stateful set replaces nothing."""
        lost = [pod.metadata.uid for node in (first, second) for pod in self.on(node, "db")]
        assert all(pod.is_terminating for node in (first, second) for pod in self.on(node, "db")), "told to go"
        assert not self.well("db", REPLICAS), f"{len(lost)} pods are not replaced while they may still run"
        assert all(not pod.is_terminating for node in (first, second) for pod in self.on(node, "agent")), "daemons stay"
        node = await self.client.get(NODES, ObjectKey("", first))
        taints = [{"key": each.key, "effect": each.effect, "timeAdded": each.time_added} for each in node.spec.taints]
        await self.client.patch(NODES, node.key, {"spec": {"taints": [*taints, OUT_OF_SERVICE]}})
        self.seen.awaited["first node out of service: pods gone"] = lambda: not self.on(first)
        await self.seen.until_all()
        await self.client.delete(NODES, ObjectKey("", second))
        self.seen.awaited["second node deleted: pods gone"] = lambda: not self.on(second)
        self.seen.awaited["db replaced: ready"] = lambda: self._replaced(
            "db", [first, second], lambda pod: pod.is_ready
        )
        await self.seen.until_all()


async def tell(client: Client, clock: Clock, kubelet: Kubelet, *, turn: int) -> dict[str, float]:
    """Live through it, and return the seconds since the last sign of life at which each thing happened."""
    caches = Caches(client)
    story = Story(client, clock, kubelet, caches, Chronicle(caches, clock), turn)
    async with asyncio.TaskGroup() as tasks:
        followed = (caches.nodes, caches.pods, caches.endpoint_slices)
        following = tasks.create_task(caches.run(*followed))
        for informer in followed:
            await informer.wait_synced()
        story.seen.follow()
        await story.deploy()
        await asyncio.sleep(PAUSE_SECONDS + turn * TURN_SECONDS)
        story.seen.times.clear()
        heard_at, (first, second) = await story.die()
        await story.bury(first, second)
        following.cancel()
    return {name: at - heard_at for name, at in sorted(story.seen.times.items(), key=lambda each: each[1])}


async def on_twin(turn: int) -> dict[str, float]:
    clock = Clock.virtual()
    async with Twin(clock, nodes=NODES_MADE, shape=SHAPE) as twin:
        return await tell(twin.client(), clock, twin.kubelet, turn=turn)


async def on_control_plane(kubeconfig: Path) -> dict[str, float]:
    client, clock = connect(load(kubeconfig)), Clock.wall()
    nodes = SimulatedNodes(client, clock, nodes=NODES_MADE, shape=SHAPE)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(nodes.run())
        times = await tell(client, clock, nodes.kubelet, turn=0)
        running.cancel()
    await client.close()
    return times


def order(times: dict[str, float]) -> list[str]:
    """Return the order, where what lies within one look of the controllers at their nodes counts as one."""
    names = sorted(times, key=lambda name: times[name])
    groups: list[list[str]] = []
    for name in names:
        if groups and times[name] - times[groups[-1][0]] < LOOK_SECONDS:
            groups[-1].append(name)
        else:
            groups.append([name])
    return [", ".join(sorted(group)) for group in groups]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of the twin, each at another moment")
    parser.add_argument("--twin-only", action="store_true")
    options = parser.parse_args()
    ours = [run_virtual(on_twin(run)) for run in range(options.runs)]
    medians = {name: statistics.median(run[name] for run in ours) for name in ours[0]}
    if options.twin_only:
        report("node_failure", [result(name, "s", [run[name] for run in ours]) for name in medians])
        return
    with tempfile.TemporaryDirectory() as state, ControlPlane.start(Path(state)) as plane:
        peer = asyncio.run(on_control_plane(plane.kubeconfig))
    results: list[Result] = [
        compared(name, "s", [run[name] for run in ours], [peer[name]] * len(ours), "control plane", less_is_better=True)
        for name in peer
    ]
    off = [100 * abs(medians[name] - peer[name]) / peer[name] for name in peer]
    results.append(result("largest difference", "%", [max(off)], goal=GOAL_PERCENT, less_is_better=True))
    same = order(medians) == order(peer)
    results.append(result("the order is the same", "yes=1", [float(same)], goal=1))
    report("node_failure", results)
    if not same:
        for number, (mine, theirs) in enumerate(zip(order(medians), order(peer), strict=False)):
            print(f"{number}: {mine} | {theirs}") if mine != theirs else None


if __name__ == "__main__":
    main()
