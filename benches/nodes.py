"""Consolidation of half empty fleets: nodes and price saved at the same workload, and the time of a decision.

    python -m benches.nodes [--data DIR --nodes 500,5000 --fill 0.33]

Nodes and pods are those of Alibaba's openb trace, nodes repeated as often as it takes; a part of a GPU is taken for all
of it. Pods arrive in the trace's order, spread as kube-scheduler does, until so much of the cpu is requested. Then
rounds are decided with a budget of a tenth of the nodes, and carried out on the snapshot, until nothing more is begun.
Times are of the process, not of the wall clock.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benches.gpu import find_data
from benches.report import Result, report, result
from kubewright.api.core import Container, Node, NodeStatus, Pod, PodSpec, ResourceRequirements
from kubewright.api.crds.nodepool import NodePool
from kubewright.api.meta import ObjectMeta, OwnerReference
from kubewright.explain.forks import with_nodes
from kubewright.nodepools.consolidate import unplaced
from kubewright.nodepools.decide import decide, deciding_in_steps
from kubewright.nodepools.members import TYPE_LABEL
from kubewright.nodepools.seen import Memory, Round, Seen
from kubewright.placement.fit import find
from kubewright.placement.snapshot import ClusterSnapshot

NOW = 1_900_000_000.0
OWNER = (OwnerReference("apps/v1", "ReplicaSet", "r", "r", controller=True),)
POOL_LABEL = {"pool": "openb"}
CPU_PRICE, MEMORY_PRICE, GPU_PRICE = 0.03, 0.004, 1.0
"""Of a core, a GiB and a GPU, an hour: list prices of public clouds, rounded."""
WAITING = 200


def read_types(path: Path) -> tuple[list[tuple[str, dict[str, str]]], list[dict[str, object]]]:
    """Return the nodes as (type, allocatable), and the types of the pool."""
    nodes: list[tuple[str, dict[str, str]]] = []
    types: dict[str, dict[str, object]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cpu, memory, gpus = int(row["cpu_milli"]), int(row["memory_mib"]), int(row["gpu"])
            name = f"c{cpu // 1000}m{memory // 1024}g{gpus}{row['model'].lower()}"
            allocatable = {"cpu": f"{cpu}m", "memory": f"{memory}Mi", "pods": "110", "nvidia.com/gpu": str(gpus)}
            price = CPU_PRICE * cpu / 1000 + MEMORY_PRICE * memory / 1024 + GPU_PRICE * gpus
            types[name] = {"name": name, "price": f"{price:.3f}", "allocatable": allocatable}
            nodes.append((name, allocatable))
    return nodes, list(types.values())


def read_pods(path: Path) -> Iterator[Pod]:
    """Yield the trace's pods again and again, each under a name of its own."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(itertools.cycle(rows)):
        requests = {"cpu": f"{row['cpu_milli']}m", "memory": f"{row['memory_mib']}Mi"}
        if int(row["num_gpu"]):
            requests["nvidia.com/gpu"] = row["num_gpu"]
        container = Container(name="c", resources=ResourceRequirements(requests=requests))
        metadata = ObjectMeta(name=f"p{number}", namespace="openb", uid=f"p{number}", owner_references=OWNER)
        yield Pod(metadata=metadata, spec=PodSpec(containers=(container,)))


def fleet(data: Path, n_nodes: int, filled: float) -> tuple[NodePool, ClusterSnapshot, Iterator[Pod]]:
    """Return a pool, its nodes with pods spread over them, and the pods that come next."""
    sorts, types = read_types(data / "openb_node_list_all_node.csv")
    step = max(len(sorts) // n_nodes, 1)
    nodes: list[Node] = []
    for number in range(n_nodes):
        name, allocatable = sorts[number * step % len(sorts)]
        own = f"node-{number:05d}"
        labels = {**POOL_LABEL, TYPE_LABEL: name, "kubernetes.io/hostname": own}
        metadata = ObjectMeta(name=own, uid=own, labels=labels)
        nodes.append(Node(metadata=metadata, status=NodeStatus(allocatable=allocatable)))
    rules = {"afterSeconds": 0, "budgets": [{"nodes": "10%"}]}
    spec = {"nodeSelector": POOL_LABEL, "types": types, "max": 100_000, "consolidation": rules}
    pool = msgspec.convert({"metadata": {"name": "openb"}, "spec": spec}, NodePool)
    snapshot, coming = ClusterSnapshot.of(nodes), read_pods(data / "openb_pod_list_default.csv")
    cpu = snapshot.table.rows["cpu"]
    most = filled * int(snapshot.table.allocatable[cpu].sum())
    for pod in coming:
        if int(snapshot.requested[cpu].sum()) >= most:
            break
        fit = find(pod, snapshot, 0)
        if fit is not None:
            snapshot.assume(fit.row, fit.column)
    return pool, snapshot, coming


def carried_out(snapshot: ClusterSnapshot, found: Round) -> tuple[ClusterSnapshot, int]:
    """Return the cluster once what was begun is done, and how many pods moved."""
    names = [each.node.metadata.name for each in found.begun]
    leaving = [each.row.pod for name in names for each in snapshot.on_node[snapshot.table.columns[name]]]
    fork = with_nodes(snapshot, dict.fromkeys(names))
    for pod in sorted(leaving, key=lambda each: -fork.row(each).shape.small[0]):
        fit = find(unplaced(pod), fork, 0)
        if fit is None:
            raise SystemExit(f"{pod.key} has lost its place")
        fork.assume(fit.row, fit.column)
    return fork, len(leaving)


def in_pieces(seen: Seen) -> tuple[Round, list[float]]:
    """Return what is decided, and how long each piece took between which the service's loop may do other things."""
    steps, pieces = deciding_in_steps(seen, Memory(), NOW), list[float]()
    while True:
        began = time.process_time()
        try:
            next(steps)
        except StopIteration as done:
            pieces.append(time.process_time() - began)
            return done.value, pieces
        pieces.append(time.process_time() - began)


def price(pool: NodePool, snapshot: ClusterSnapshot) -> float:
    prices = {each.name: float(each.price) for each in pool.spec.types}
    return sum(prices[node.metadata.labels[TYPE_LABEL]] for node in snapshot.table.nodes)


def measure(data: Path, n_nodes: int, filled: float) -> list[Result]:
    pool, snapshot, coming = fleet(data, n_nodes, filled)
    before, pods, seconds, moves = price(pool, snapshot), len(snapshot.placed), list[float](), 0
    longest: list[float] = []
    while True:
        found, pieces = in_pieces(Seen((pool,), snapshot, ()))
        seconds.append(sum(pieces))
        longest.append(max(pieces))
        if not found.begun:
            break
        snapshot, moved = carried_out(snapshot, found)
        moves += moved
    saved = 1 - price(pool, snapshot) / before
    left = len(snapshot.table)
    waiting = tuple(itertools.islice(coming, WAITING))
    began = time.process_time()
    filling = decide(Seen((pool,), snapshot, waiting), Memory(), NOW)
    to_fill = time.process_time() - began
    print(
        f"  {n_nodes} nodes, {pods} pods: {left} nodes left after {len(seconds) - 1} rounds and {moves} moves, "
        f"{saved:.1%} of the price; a round {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s, "
        f"of it in one piece {max(longest):.2f} s; "
        f"{len(filling.launches)} nodes for {WAITING} pods in {to_fill:.2f} s",
        flush=True,
    )
    return [
        result(f"nodes saved of {n_nodes}", "nodes", [float(n_nodes - left)]),
        result(f"price saved at {n_nodes}", "%", [100 * saved]),
        result(f"a round at {n_nodes} nodes", "s", seconds),
        result(f"in one piece at {n_nodes} nodes", "s", longest),
        result(f"{WAITING} pods that wait at {n_nodes} nodes", "s", [to_fill]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=find_data())
    parser.add_argument("--nodes", default="500,5000")
    parser.add_argument("--fill", type=float, default=0.33)
    options = parser.parse_args()
    results: list[Result] = []
    for count in options.nodes.split(","):
        results += measure(options.data, int(count), options.fill)
    report("nodes", results)


if __name__ == "__main__":
    main()
