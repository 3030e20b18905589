"""A look at what everybody costs: processor time for a whole cluster.

    python -m benches.costs                      # 5,000 nodes, 100,000 pods

All that `kubewright run costs` does each minute but for asking: caches are full, and what is used is known. It must
leave most of a core to the rest, and no piece of it may hold up a probe.
"""

from __future__ import annotations

import argparse
import time

from benches.report import Result, report, result
from kubewright.api.core import Container, Namespace, Node, NodeStatus, Pod, PodSpec, ResourceRequirements
from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.meta import ObjectMeta, OwnerReference
from kubewright.api.pods import PodStatus
from kubewright.costs.allocate import allocate
from kubewright.costs.facts import Resource
from kubewright.costs.ledger import Ledger
from kubewright.costs.prices import PriceBook
from kubewright.runtime.heap import keep_many_objects
from kubewright.spending.figures import rates
from kubewright.spending.objects import Objects
from kubewright.spending.present import HOUR, Use, batches

GOAL_SECONDS = 12.0
"""A fifth of a core."""
GOAL_PIECE_SECONDS = 0.5
ROUNDS = 3
NAMESPACES, TEAMS, WORKLOADS = 200, 50, 2000


def fleet(nodes: int, pods: int) -> Objects:
    """Return a cluster whose pods ask for half a core and a GiB."""
    return Objects(
        [
            Node(
                metadata=ObjectMeta(name=f"node-{each}", labels={"zone": f"z{each % 3}"}),
                status=NodeStatus(capacity={"cpu": "64", "memory": "256Gi"}),
            )
            for each in range(nodes)
        ],
        [_pod(each, each % nodes) for each in range(pods)],
        [
            Namespace(metadata=ObjectMeta(name=f"ns-{each}", labels={TEAM_LABEL: f"team-{each % TEAMS}"}))
            for each in range(NAMESPACES)
        ],
    )


def _pod(number: int, node: int) -> Pod:
    name = f"web-{number % WORKLOADS}-7d9f8c6b5"
    owner = OwnerReference("apps/v1", "ReplicaSet", name, f"uid-{name}", controller=True)
    labels = {"app": name, "pod-template-hash": "7d9f8c6b5", "tier": str(number % 5)}
    container = Container(name="main", resources=ResourceRequirements(requests={"cpu": "500m", "memory": "1Gi"}))
    return Pod(
        metadata=ObjectMeta(
            name=f"{name}-{number}",
            namespace=f"ns-{number % NAMESPACES}",
            uid=str(number),
            labels=labels,
            owner_references=(owner,),
        ),
        spec=PodSpec(node_name=f"node-{node}", containers=(container,)),
        status=PodStatus(phase="Running"),
    )


def look(objects: Objects, use: Use) -> tuple[float, float]:
    """Return the processor time of one look, and of its longest piece."""
    began, longest = time.process_time(), 0.0
    ledger, last = Ledger(0, HOUR), began
    for assets, demands in batches(objects, PriceBook(), use):
        ledger.take(assets, allocate(assets, demands)[0])
        longest, last = max(longest, time.process_time() - last), time.process_time()
    found = rates(ledger)
    ended = time.process_time()
    assert sum(each.cost for each in found.owners.values()) + found.idle == found.total, "it does not add up"
    return ended - began, max(longest, ended - last)


def main() -> None:
    """Measure, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    objects = fleet(asked.nodes, asked.pods)
    used = {(pod.key, "main"): 0.3 for pod in objects.pods}
    use = Use({Resource.CPU: used, Resource.MEMORY: used})
    keep_many_objects()
    looks = [look(objects, use) for _ in range(asked.rounds)]
    size = f"{asked.nodes} nodes, {asked.pods} pods"
    results: list[Result] = [
        result(
            f"a look at costs, {size}", "CPU s", [each for each, _ in looks], goal=GOAL_SECONDS, less_is_better=True
        ),
        result(
            f"its longest piece, {size}",
            "CPU s",
            [each for _, each in looks],
            goal=GOAL_PIECE_SECONDS,
            less_is_better=True,
        ),
    ]
    report("costs", results)


if __name__ == "__main__":
    main()
