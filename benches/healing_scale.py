"""What the healer costs a large cluster, and how soon it notices there: `python -m benches.healing_scale`.

Five thousand nodes and 100,000 pods as bytes, from a transport that stands in for the API server: their state first,
then every node's lease each ten seconds, its agent's each twenty, its status each five minutes, and pods that come up.
Everything else, such as Incidents, is a twin's. Under virtual time: what is counted is the processor's, and what the
transport takes for itself is left out. Without a HealingPolicy nothing is done.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from benches.report import Result, report, result
from kubewright.api.core import NAMESPACES, Node
from kubewright.api.crds.incident import INCIDENTS
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.nodeagent import NAMESPACE as AGENTS
from kubewright.api.nodeagent import NEIGHBOURS, PREFIX, Answer, Neighbourhood
from kubewright.app import Choices, Platform
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.client.transport import Request, Response
from kubewright.clock import Clock, run_virtual
from kubewright.healing.controller import Healer
from kubewright.runtime.heap import keep_many_objects
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

NAMESPACES_OF_TEAMS = 50
PODS_OF_A_FLEET = 40
RENEWED, AGENT_RENEWED, REPORTED = 10, 20, 300
"""Seconds after which a node's lease, its agent's and its status are written again."""
STARTED_PODS = 10
"""That come up in a second."""
QUIET_SECONDS, ILL_SECONDS = 60, 90
ONE_CORE_PERCENT = 100.0
SILENT, FLEET = 17, 3
"""The node that falls silent, and the fleet whose pods crash."""
_BOOKMARK = {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}


@dataclass(slots=True)
class Crowd:
    """A cluster as manifests; pods are made anew each time, so that none is kept here."""

    nodes: int
    pods: int
    now: Callable[[], float]
    version: int = 1
    silent: set[int] = field(default_factory=set[int])
    _neighbours: dict[str, str] = field(default_factory=dict[str, str])

    def all_of(self, plural: str) -> Iterator[Manifest]:
        """Yield a kind's objects."""
        fleets = range(-(-self.pods // PODS_OF_A_FLEET))
        match plural:
            case "nodes":
                yield from map(self.node, range(self.nodes))
            case "leases":
                for number in range(self.nodes):
                    yield self.lease(number)
                    yield self.agent(number)
            case "pods":
                yield from map(self.pod, range(self.pods))
            case "deployments":
                yield from map(self.deployment, fleets)
            case "replicasets":
                yield from map(self.replica_set, fleets)
            case _:
                yield from map(self.service, fleets)

    def node(self, number: int) -> Manifest:
        """Return a node that is well."""
        name, zone = _node(number), "abc"[number % 3]
        room = {"cpu": "64", "memory": "256Gi", "pods": "250", "ephemeral-storage": "100Gi"}
        well = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
        told = [self._condition(each, "False") for each in well] + [self._condition("Ready", "True")]
        return {
            "metadata": self._metadata(name, "", topology=f"zone-{zone}", host=name),
            "spec": {"providerID": f"sim://{name}", "podCIDR": f"10.{number // 250}.{number % 250}.0/24"},
            "status": {
                "capacity": room,
                "allocatable": room,
                "conditions": told,
                "addresses": [{"type": "InternalIP", "address": f"10.200.{number // 250}.{number % 250}"}],
                "images": [{"names": [f"sim/app:{each}"], "sizeBytes": 100_000_000} for each in range(20)],
            },
        }

    def lease(self, number: int) -> Manifest:
        """Return a kubelet's lease, renewed now."""
        metadata = self._metadata(_node(number), "kube-node-lease")
        return {"metadata": metadata, "spec": self._held(_node(number), 40)}

    def agent(self, number: int) -> Manifest:
        """Return a node agent's lease, renewed now."""
        metadata = self._metadata(f"{PREFIX}{_node(number)}", AGENTS)
        metadata["annotations"] = {NEIGHBOURS: self._neighbours_of(number)}
        return {"metadata": metadata, "spec": self._held(_node(number), 60)}

    def pod(self, number: int, *, crashes: bool = False) -> Manifest:
        """Return a pod that runs, or crashes again and again."""
        fleet = number // PODS_OF_A_FLEET
        container = {
            "name": "main",
            "image": "sim/app:1",
            "ports": [{"containerPort": 8080}],
            "resources": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
            "env": [{"name": f"SETTING_{each}", "value": "some value of an ordinary length"} for each in range(10)],
            "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 5},
            "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
        }
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}
        ended = {
            "exitCode": 1,
            "reason": "Error",
            "startedAt": rfc3339(self.now() - 2),
            "finishedAt": rfc3339(self.now()),
        }
        state = waiting if crashes else {"running": {"startedAt": rfc3339(self.now() - 3600)}}
        ready = "False" if crashes else "True"
        metadata = self._metadata(_pod(number), _namespace(fleet), app=_fleet(fleet))
        metadata["ownerReferences"] = [_owner("apps/v1", "ReplicaSet", _set(fleet))]
        return {
            "metadata": metadata,
            "spec": {"nodeName": _node(number % self.nodes), "containers": [container]},
            "status": {
                "phase": "Running",
                "podIP": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                "startTime": rfc3339(self.now() - 3600),
                "conditions": [self._condition(each, ready) for each in ("Ready", "ContainersReady")],
                "containerStatuses": [
                    {"name": "main", "image": "sim/app:1", "ready": not crashes, "restartCount": 5 * crashes}
                    | {
                        "state": state,
                        "lastState": {"terminated": ended} if crashes else {},
                        "imageID": f"sha256:{'0' * 64}",
                        "containerID": f"sim://{number:064d}",
                    }
                ],
            },
        }

    def deployment(self, fleet: int) -> Manifest:
        """Return a fleet."""
        spec = {"replicas": PODS_OF_A_FLEET, "selector": _chosen(fleet), "template": _template(fleet)}
        count = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), PODS_OF_A_FLEET)
        told = [self._condition("Available", "True"), self._condition("Progressing", "True")]
        status = {"observedGeneration": 1, "conditions": told, **count}
        return {"metadata": self._metadata(_fleet(fleet), _namespace(fleet)), "spec": spec, "status": status}

    def replica_set(self, fleet: int) -> Manifest:
        """Return its one release."""
        metadata = self._metadata(_set(fleet), _namespace(fleet), app=_fleet(fleet))
        metadata["ownerReferences"] = [_owner("apps/v1", "Deployment", _fleet(fleet))]
        metadata["annotations"] = {"deployment.kubernetes.io/revision": "1"}
        spec = {"replicas": PODS_OF_A_FLEET, "selector": _chosen(fleet), "template": _template(fleet)}
        return {"metadata": metadata, "spec": spec, "status": {"replicas": PODS_OF_A_FLEET}}

    def service(self, fleet: int) -> Manifest:
        """Return its Service."""
        spec = {"selector": _chosen(fleet)["matchLabels"], "ports": [{"port": 80, "targetPort": 8080}]}
        return {"metadata": self._metadata(_fleet(fleet), _namespace(fleet)), "spec": spec}

    def second(self, second: int) -> Iterator[tuple[str, Manifest]]:
        """Yield what is written in a second, by kind."""
        for number in range(second % RENEWED, self.nodes, RENEWED):
            if number not in self.silent:
                yield "leases", self.lease(number)
        for number in range(second % AGENT_RENEWED, self.nodes, AGENT_RENEWED):
            if number not in self.silent:
                yield "leases", self.agent(number)
        for number in range(second % REPORTED, self.nodes, REPORTED):
            if number not in self.silent:
                yield "nodes", self.node(number)
        for number in range(STARTED_PODS):
            yield "pods", self.pod((second * STARTED_PODS + number) * 97 % self.pods)

    def _neighbours_of(self, number: int) -> str:
        """Return what the healer has told an agent long since."""
        if not self._neighbours:
            nodes = [msgspec.convert(each, Node) for each in self.all_of("nodes")]
            found = Neighbourhood.of(nodes)
            self._neighbours = {each.metadata.name: found.written(each.metadata.name) for each in nodes}
        return self._neighbours[_node(number)]

    def _held(self, holder: str, seconds: int) -> Manifest:
        return {"holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": rfc3339(self.now())}

    def _condition(self, type_: str, status: str) -> Manifest:
        moment = rfc3339(self.now() - 3600)
        return {"type": type_, "status": status, "reason": "Told", "message": "", "lastTransitionTime": moment}

    def _metadata(self, name: str, namespace: str, *, topology: str = "", host: str = "", app: str = "") -> Manifest:
        self.version += 1
        labels = {"topology.kubernetes.io/zone": topology, "kubernetes.io/hostname": host, "app": app}
        return {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}-{name}",
            "resourceVersion": str(self.version),
            "creationTimestamp": rfc3339(self.now() - 86_400),
            "generation": 1,
            "labels": {label: value for label, value in labels.items() if value},
        }


def _node(number: int) -> str:
    return f"node-{number:04d}"


def _namespace(fleet: int) -> str:
    return f"team-{fleet % NAMESPACES_OF_TEAMS:02d}"


def _fleet(fleet: int) -> str:
    return f"fleet-{fleet:04d}"


def _set(fleet: int) -> str:
    return f"{_fleet(fleet)}-6d4cf56db"


def _pod(number: int) -> str:
    return f"{_set(number // PODS_OF_A_FLEET)}-{number % PODS_OF_A_FLEET:05d}"


def _owner(api_version: str, kind: str, name: str) -> Manifest:
    fleet = int(name.split("-")[1])
    uid = f"uid-{_namespace(fleet)}-{name}"
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True}


def _chosen(fleet: int) -> Manifest:
    return {"matchLabels": {"app": _fleet(fleet)}}


def _template(fleet: int) -> Manifest:
    return {"metadata": {"labels": {"app": _fleet(fleet)}}, "spec": {"containers": [{"name": "m", "image": "sim/app"}]}}


_FED = {
    "/api/v1/nodes": "nodes",
    "/api/v1/pods": "pods",
    "/api/v1/services": "services",
    "/apis/coordination.k8s.io/v1/leases": "leases",
    "/apis/apps/v1/deployments": "deployments",
    "/apis/apps/v1/replicasets": "replicasets",
}


@dataclass(slots=True)
class Feed:
    """A transport: the crowd's kinds as watches of it, all else by a twin's API server."""

    crowd: Crowd
    server: InProcessTransport
    spent: float = 0.0
    """Processor seconds that it took itself."""
    _watches: dict[str, list[asyncio.Queue[list[bytes]]]] = field(default_factory=dict)

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Answer a request."""
        plural = _FED.get(request.path)
        if plural is None or "watch" not in request.query:
            begun = time.process_time()
            answer = await self.server.send(request, stream=stream)
            self.spent += time.process_time() - begun
            return answer
        return Response(200, stream=self._watch(plural))

    async def close(self) -> None:
        """Do nothing."""

    async def _watch(self, plural: str) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self._watches.setdefault(plural, []).append(queue)
        every = self.crowd.all_of(plural)
        while lines := self._lines("ADDED", every, 500):
            for line in lines:
                yield line
            await asyncio.sleep(0)
        yield _line("BOOKMARK", {"metadata": _BOOKMARK})
        while True:
            for line in await queue.get():
                yield line

    def tell(self, told: Iterable[tuple[str, Manifest]]) -> None:
        """Hand on what was written."""
        begun = time.process_time()
        found: dict[str, list[bytes]] = {}
        for plural, manifest in told:
            found.setdefault(plural, []).append(_line("MODIFIED", manifest))
        for plural, lines in found.items():
            for queue in self._watches.get(plural, ()):
                queue.put_nowait(lines)
        self.spent += time.process_time() - begun

    def _lines(self, type_: str, every: Iterator[Manifest], most: int) -> list[bytes]:
        begun = time.process_time()
        lines = [_line(type_, each) for each, _ in zip(every, range(most), strict=False)]
        self.spent += time.process_time() - begun
        return lines


def _line(type_: str, manifest: Manifest) -> bytes:
    return json.dumps({"type": type_, "object": manifest}).encode() + b"\n"


class Nobody:
    """Answers for no kubelet that is silent."""

    async def ask(self, node: Node) -> Answer:
        """Return that nothing comes back."""
        del node
        return Answer.NOTHING


@dataclass(slots=True)
class Meter:
    """What the healer alone takes of a processor."""

    feed: Feed
    clock: Clock
    _worked: float = 0.0
    _at: float = 0.0

    def start(self) -> None:
        """Begin to count."""
        self._worked, self._at = time.process_time() - self.feed.spent, self.clock.now()

    @property
    def seconds(self) -> float:
        """Return processor seconds since."""
        return time.process_time() - self.feed.spent - self._worked

    @property
    def percent(self) -> float:
        """Return which share of a core that is."""
        return 100 * self.seconds / (self.clock.now() - self._at)


async def measure(nodes: int, pods: int, profile: str) -> list[Result]:
    """Let the healer come up, look on in quiet, notice two faults and then the loss of a zone."""
    clock = Clock.virtual()
    server = ApiServer(clock, KindTable.builtin())
    crowd = Crowd(nodes, pods, clock.now)
    feed = Feed(crowd, InProcessTransport(server))
    client = RestClient(feed)
    for number in range(NAMESPACES_OF_TEAMS):
        await client.create(NAMESPACES, {"metadata": {"name": _namespace(number)}})
    platform = Platform(client, clock, choices=Choices(services=("healing",)), reach=Nobody())
    healer = platform.services["healing"]
    assert isinstance(healer, Healer)
    meter, profiler = Meter(feed, clock), cProfile.Profile()
    before = _resident()
    async with asyncio.TaskGroup() as tasks:
        meter.start()
        running = tasks.create_task(platform.run())
        while not platform.ready:  # noqa: ASYNC110  several caches
            await asyncio.sleep(1.0)
        up = meter.seconds
        ticking = tasks.create_task(_tick(feed, clock))
        await asyncio.sleep(70.0)  # it takes nothing for over in its first minute
        gc.collect()
        held = _resident() - before
        meter.start()
        if profile:
            profiler.enable()
        await asyncio.sleep(QUIET_SECONDS)
        quiet = meter.percent
        crashed_at = clock.now()
        mine = range(FLEET * PODS_OF_A_FLEET, (FLEET + 1) * PODS_OF_A_FLEET)
        feed.tell(("pods", crowd.pod(each, crashes=True)) for each in mine)
        crowd.silent.add(SILENT)
        meter.start()
        noticed = await _noticed(client, _fleet(FLEET), clock) - crashed_at
        silent = await _noticed(client, _node(SILENT), clock) - crashed_at
        ill = meter.percent
        crowd.silent |= set(range(0, nodes, 3))
        meter.start()
        await asyncio.sleep(ILL_SECONDS)
        storm = meter.percent
        if profile:
            profiler.disable()
        turns = [_turn(healer) for _ in range(5)]
        signals = len(healer.signals.standing)
        for each in (running, ticking):
            each.cancel()
    if profile:
        profiler.dump_stats(profile)
    size = f"{nodes} nodes, {pods} pods"
    less = partial(result, less_is_better=True)
    return [
        result(f"until it has seen all ({size}), processor time", "s", [up]),
        result("memory for it", "MB", [held / 1e6]),
        less("watching while nothing is wrong", "% of a core", [quiet], goal=ONE_CORE_PERCENT),
        less(
            f"watching while a fleet of {PODS_OF_A_FLEET} crashes and a node is silent",
            "% of a core",
            [ill],
            goal=ONE_CORE_PERCENT,
        ),
        less("watching while a third of all nodes is silent", "% of a core", [storm], goal=ONE_CORE_PERCENT),
        result(f"a turn of diagnosis over its {signals} signals, processor time", "s", turns),
        less("until a crashing fleet is an Incident", "s", [noticed], goal=15.0),
        less("until a node that fell silent is an Incident", "s", [silent], goal=60.0),
    ]


async def _tick(feed: Feed, clock: Clock) -> None:
    """Have each second's writes told."""
    began = clock.now()
    while True:
        await asyncio.sleep(1.0)
        feed.tell(feed.crowd.second(round(clock.now() - began)))


async def _noticed(client: RestClient, name: str, clock: Clock) -> float:
    """Return when there is an Incident about something of this name."""
    async with asyncio.timeout(300):
        while True:
            begun = clock.now()
            if any(each.spec.about.name == name for each in (await client.list(INCIDENTS)).items):
                return begun
            await asyncio.sleep(0.25)


def _turn(healer: Healer) -> float:
    begun = time.process_time()
    healer._diagnose(healer.signals.standing.holding())  # noqa: SLF001  what it does each second
    return time.process_time() - begun


def _resident() -> float:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096.0


def main() -> None:
    """Measure and report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, default=5_000)
    options.add_argument("--pods", type=int, default=100_000)
    options.add_argument("--profile", default="", help="where to write what took the time, by cProfile")
    asked = options.parse_args()
    keep_many_objects()
    report("healing_scale", run_virtual(measure(asked.nodes, asked.pods, asked.profile)))


if __name__ == "__main__":
    main()
