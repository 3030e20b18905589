"""How many placements a second of its own CPU time the engine decides on 5,000 nodes, and what a full cluster weighs.

No API server: typed pods in, assumed pods out, each decision seeing those before it. The cases are those that
kube-scheduler's own benchmark has. A fresh cluster of nodes in ten zones stands for each case; its pods come from one
size, or in one case from a hundred sizes in turn, the worst that a mix of workloads can do.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from benches.report import Result, report, result
from benches.watch_decode import pod as whole_pod
from kubewright.api.core import Node, Pod
from kubewright.api.interning import Interner
from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import CsiNode, PersistentVolume, PersistentVolumeClaim
from kubewright.placement.fit import Fit, place
from kubewright.placement.preempt import Preemption, preempt
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import Storage

NODES = 5_000
ZONES = 10
RUNS = 3
GOAL_PLAIN = 20_000
GOAL_CONSTRAINED = 2_000
GOAL_GIGABYTES = 1.5
FULL_PODS = 150_000
SHAPES = 100
SEED = 2026
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
Document = dict[str, object]


def nodes(count: int, **more: object) -> list[Node]:
    """Return nodes of one size in ten zones; `more` is put into each specification."""
    allocatable = {"cpu": "32", "memory": "128Gi", "pods": "110", "ephemeral-storage": "200Gi"}
    return [
        msgspec.convert(
            {
                "metadata": {
                    "name": f"node-{each:05d}",
                    "labels": {
                        HOSTNAME: f"node-{each:05d}",
                        ZONE: f"zone-{each % ZONES}",
                        "disk": "ssd" if each % 2 else "hdd",
                    },
                },
                "spec": more,
                "status": {"allocatable": allocatable},
            },
            Node,
        )
        for each in range(count)
    ]


def sizes(number: int) -> Document:
    """Return requests of which no two numbers have the same."""
    return {"requests": {"cpu": f"{100 + number}m", "memory": f"{256 + number}Mi"}}


def pods(count: int, spec: Document, *, shapes: int = 1, first: int = 0) -> list[Pod]:
    """Return pods of one workload, or of several of different size in turn, as an informer would cache them."""
    intern, decode = Interner().intern, msgspec.json.Decoder(Pod).decode
    containers = [[{"name": "c", "image": "app", "resources": sizes(each)}] for each in range(shapes)]
    specs = [msgspec.json.encode({"containers": each, **spec}) for each in containers]
    form = b'{"metadata":{"name":"pod-%d","namespace":"team","labels":{"app":"web-%d"}},"spec":%s}'
    numbers = range(first, first + count)
    return [intern(decode(form % (each, each % shapes, specs[each % shapes]))) for each in numbers]


def near(kind: str, mode: str, key: str, app: str = "web-0") -> Document:
    """Return affinity of a pod to its like."""
    term: Document = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    listed = term if mode.startswith("required") else {"weight": 50, "podAffinityTerm": term}
    return {"affinity": {kind: {f"{mode}DuringSchedulingIgnoredDuringExecution": [listed]}}}


def spread(key: str, action: str) -> Document:
    """Return a topology spread constraint over a pod's like."""
    selector = {"matchLabels": {"app": "web-0"}}
    return {
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": action, "labelSelector": selector}
        ]
    }


ONLY_SSD: Document = {
    "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]
}
LIKES_ZONE: list[Document] = [
    {"weight": 10, "preference": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["zone-1"]}]}}
]
NODE_AFFINITY: Document = {
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": ONLY_SSD,
            "preferredDuringSchedulingIgnoredDuringExecution": LIKES_ZONE,
        }
    }
}
TAINTS: list[Document] = [
    {"key": "team", "value": "a", "effect": "NoSchedule"},
    {"key": "spot", "value": "", "effect": "PreferNoSchedule"},
]
CLAIM: Document = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of pods on one kind of nodes."""

    name: str
    goal: int
    n_pods: int
    spec: Document
    shapes: int = 1
    taints: bool = False


CASES = (
    Case("plain pods of one size", GOAL_PLAIN, 20_000, {}),
    Case("plain pods of 100 sizes in turn", GOAL_PLAIN, 10_000, {}, SHAPES),
    Case("node affinity, required and preferred", GOAL_CONSTRAINED, 4_000, NODE_AFFINITY),
    Case(
        "taints, hard and soft",
        GOAL_CONSTRAINED,
        4_000,
        {"tolerations": [{"key": "team", "operator": "Exists"}]},
        taints=True,
    ),
    Case("pod affinity, required, by zone", GOAL_CONSTRAINED, 4_000, near("podAffinity", "required", ZONE)),
    Case("pod affinity, preferred, by host", GOAL_CONSTRAINED, 4_000, near("podAffinity", "preferred", HOSTNAME)),
    Case(
        "pod anti-affinity, required, by host", GOAL_CONSTRAINED, 4_000, near("podAntiAffinity", "required", HOSTNAME)
    ),
    Case(
        "pod anti-affinity, preferred, by host", GOAL_CONSTRAINED, 4_000, near("podAntiAffinity", "preferred", HOSTNAME)
    ),
    Case("topology spread, required, by zone", GOAL_CONSTRAINED, 4_000, spread(ZONE, "DoNotSchedule")),
    Case("topology spread, required, by host", GOAL_CONSTRAINED, 4_000, spread(HOSTNAME, "DoNotSchedule")),
    Case("topology spread, preferred, by zone", GOAL_CONSTRAINED, 4_000, spread(ZONE, "ScheduleAnyway")),
)


def decided(case: Case) -> float:
    """Return decisions a second of CPU time."""
    snapshot = ClusterSnapshot.of(nodes(NODES, taints=TAINTS if case.taints else []))
    return timed(pods(case.n_pods, case.spec, shapes=case.shapes), snapshot)


def timed(waiting: Sequence[Pod], snapshot: ClusterSnapshot) -> float:
    """Place them all, which must succeed, and return how many a second."""
    order = SEED % len(snapshot.table)
    began = time.process_time()
    placed = sum(isinstance(outcome, Fit) for outcome in place(waiting, snapshot, order))
    took = time.process_time() - began
    assert placed == len(waiting), f"{len(waiting) - placed} pods fitted nowhere"
    return placed / took


def with_volumes(n_pods: int = 4_000) -> float:
    """Return decisions a second for pods that each bring a claim, bound to a volume of one zone; nodes have limits."""
    claims: dict[ObjectKey, PersistentVolumeClaim] = {}
    volumes: dict[ObjectKey, PersistentVolume] = {}
    limits = {
        ObjectKey("", f"node-{each:05d}"): msgspec.convert(
            {
                "metadata": {"name": f"node-{each:05d}"},
                "spec": {"drivers": [{"name": "disks", "allocatable": {"count": 39}}]},
            },
            CsiNode,
        )
        for each in range(NODES)
    }
    waiting: list[Pod] = []
    for number, pod in enumerate(pods(n_pods, CLAIM)):
        name = f"data-{number}"
        volume = msgspec.structs.replace(
            pod.spec.volumes[0],
            persistent_volume_claim=msgspec.structs.replace(
                pod.spec.volumes[0].persistent_volume_claim, claim_name=name
            ),
        )
        waiting.append(msgspec.structs.replace(pod, spec=msgspec.structs.replace(pod.spec, volumes=(volume,))))
        zone = {"key": ZONE, "operator": "In", "values": [f"zone-{number % ZONES}"]}
        claims[ObjectKey("team", name)] = msgspec.convert(
            {
                "metadata": {
                    "name": name,
                    "namespace": "team",
                    "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
                },
                "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": name},
                "status": {"phase": "Bound"},
            },
            PersistentVolumeClaim,
        )
        volumes[ObjectKey("", name)] = msgspec.convert(
            {
                "metadata": {"name": name},
                "spec": {
                    "csi": {"driver": "disks", "volumeHandle": name},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}},
                },
            },
            PersistentVolume,
        )
    storage = Storage(claims, volumes, csi_nodes=limits)
    return timed(waiting, ClusterSnapshot.of(nodes(NODES), storage=storage))


def making_room(n_pods: int = 50) -> float:
    """Return preemptions a second in a full cluster of pods of two priorities: any node would do."""
    snapshot = ClusterSnapshot.of(nodes(NODES))
    rows = [snapshot.row(pod) for pod in pods(2 * NODES, {"priority": 0, "containers": [large(15)]})]
    for number, row in enumerate(rows):
        snapshot.assume(row, number % NODES)
    waiting = pods(n_pods, {"priority": 100, "containers": [large(8)]}, first=2 * NODES)
    began = time.process_time()
    for each in waiting:
        found = preempt(each, snapshot, SEED)
        assert isinstance(found, Preemption)
        for victim in found.victims:
            snapshot.forget(victim.key)
        snapshot.assume(found.row, found.column)
    return n_pods / (time.process_time() - began)


def large(cpus: int) -> Document:
    """Return a container of so many cores."""
    return {"name": "c", "image": "app", "resources": {"requests": {"cpu": str(cpus)}}}


def full() -> list[Result]:
    """Fill a cluster with pods as API servers send them, and return what the process weighs, and what a fork costs."""
    snapshot = ClusterSnapshot.of(nodes(NODES))
    intern, decode, encode = Interner().intern, msgspec.json.Decoder(Pod).decode, msgspec.json.encode
    for number in range(FULL_PODS):
        row = snapshot.row(intern(decode(encode(whole_pod(number)))))
        snapshot.assume(row, number % NODES)
    began = time.process_time()
    for _ in range(100):
        fork = snapshot.fork()
        fork.assume(row, 1)
    took = (time.process_time() - began) / 100
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return [
        result(
            f"memory of {FULL_PODS:,} pods on {NODES:,} nodes, in all",
            "GB",
            [gigabytes],
            goal=GOAL_GIGABYTES,
            less_is_better=True,
        ),
        result("fork of that, with a pod moved", "microseconds", [took * 1e6]),
    ]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args().runs
    # Memory first: what a process has once weighed it does not lose.
    results = full()
    for case in CASES:
        goal = case.goal or None
        results.append(result(case.name, "decisions/s", [decided(case) for _ in range(runs)], goal=goal))
    volumes = [with_volumes() for _ in range(runs)]
    results.append(result("claims bound to volumes of a zone", "decisions/s", volumes, goal=GOAL_CONSTRAINED))
    results.append(result("preemption in a full cluster", "preemptions/s", [making_room() for _ in range(runs)]))
    report("placement", results)


if __name__ == "__main__":
    main()
