"""A round of decisions for thousands of ScalePolicies: processor time and questions.

    python -m benches.autoscaler_round                      # 5,000 workloads of three pods, six metrics each

Everything is as `kubewright run autoscaler` does it but for the network: caches are full, measurements come as the
bytes that a Prometheus and `metrics.k8s.io` would send, a few per cent apart from round to round. A round reads them
and decides for every policy. What is to be scaled is so in the next round; nothing is written.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from numpy.random import PCG64, Generator

from benches.report import Result, report, result
from kubewright.api.autoscaling import PodMetrics, Scale, ScaleSpec, ScaleStatus
from kubewright.api.core import Pod
from kubewright.api.crds.scalepolicy import ScalePolicy, ScalePolicyStatus
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.autoscaler.decide import decide
from kubewright.autoscaler.measuring import SYNC_SECONDS, Measuring
from kubewright.autoscaler.readings import Needs, needs_of
from kubewright.autoscaler.rounds import Rounds
from kubewright.autoscaler.seen import Memory, Seen, Turn
from kubewright.autoscaler.status import status_of
from kubewright.client.protocol import Listing
from kubewright.client.transport import Request, Response
from kubewright.clock import Clock
from kubewright.runtime.heap import keep_many_objects
from kubewright.scaling.podset import PodSet
from kubewright.series.prometheus import PrometheusSource

GOAL_SECONDS = 1.0
ROUNDS = 9
EACH_NAMESPACE = 100
_AROUND = (0.97, 1.03)
_BOUNDS = {"0.1": 0.3, "0.5": 0.9, "1": 0.99, "+Inf": 1.0}
"""Shares of the requests by how many seconds they take."""


class Fleet:
    """Workloads, their pods and what is measured of them."""

    def __init__(self, workloads: int, pods: int, now: float) -> None:
        self.now, self.usual = now, pods
        self.policies: list[ScalePolicy] = []
        self.pods: dict[ObjectKey, PodSet] = {}
        for number in range(workloads):
            policy = msgspec.convert(_policy(number), ScalePolicy)
            self.policies.append(policy)
            self.scale(policy, pods)
        self.metrics, self.answers = b"", dict[str, bytes]()

    def scale(self, policy: ScalePolicy, replicas: int) -> None:
        """Have so many pods, that share what there is to do."""
        place, name = policy.metadata.namespace, policy.metadata.name
        made = [_pod(place, f"{name}-{pod}", self.now) for pod in range(replicas)]
        self.pods[policy.key] = PodSet(msgspec.convert(each, Pod) for each in made)

    def measure(self, random: Generator, now: float) -> None:
        """Measure all anew: everything is a few per cent more or less than it usually is."""
        everybody = [(pod, self.usual / len(pods)) for pods in self.pods.values() for pod in pods]
        times = random.uniform(*_AROUND, len(everybody)).tolist()
        shares = [(pod, share * each) for (pod, share), each in zip(everybody, times, strict=True)]
        self.metrics = msgspec.json.encode([_use(pod, now, share) for pod, share in shares])
        for name, extra in {
            "http_requests_total": [{}],
            "DCGM": [{}],
            "le": [{"le": each} for each in _BOUNDS],
        }.items():
            labels = [_labels(pod) | more for pod, _ in shares for more in extra]
            usual = [
                share * (0.5 + _number(pod) % 7 / 10) * _BOUNDS.get(more.get("le", ""), 1.0)
                for pod, share in shares
                for more in extra
            ]
            self.answers[name] = _vector(labels, usual, now)


class Store:
    """Sends what a Prometheus would."""

    def __init__(self, fleet: Fleet, clock: Clock) -> None:
        self.fleet, self.asked = fleet, 0
        self.clock, self.random = clock, Generator(PCG64(1))

    async def send(self, request: Request) -> Response:
        """Answer one question."""
        self.asked += 1
        text = request.body.decode()
        if "label_replace%28%28sum%28waiting" in text:
            labels = [{"kubewright_query": str(index)} for index in range(text.count("label_replace"))]
            return Response(
                200, {}, _vector(labels, self.random.uniform(*_AROUND, len(labels)).tolist(), self.clock.now())
            )
        kind = "DCGM" if "DCGM" in text else "le" if "bucket" in text else "http_requests_total"
        return Response(200, {}, self.fleet.answers[kind])


class Cluster:
    """Answers a list of what pods use."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def list(self, _resource: object, **_options: object) -> Listing[PodMetrics]:
        """Return what all pods use."""
        return Listing(msgspec.json.decode(self.fleet.metrics, type=list[PodMetrics]), "1")


async def measured(fleet: Fleet) -> tuple[list[float], list[float], list[float]]:
    """Return each round's seconds of measuring and of deciding, and its questions."""
    clock = Clock(fleet.now - asyncio.get_running_loop().time())
    store = Store(fleet, clock)
    client: Any = Cluster(fleet)
    transport: Any = store
    needs = Needs.of_all(needs_of(each.metadata.namespace, each.spec) for each in fleet.policies)
    turns: dict[ObjectKey, Turn] = {}
    rounds, random = Rounds(), Generator(PCG64(2))
    measuring = Measuring(client, clock, PrometheusSource(transport), lambda: needs)
    asking, deciding, questions = [], [], []
    for number in range(ROUNDS):
        fleet.measure(random, clock.now())
        measured_before, began = store.asked, time.process_time()
        readings = await measuring.read(needs)
        asking.append(time.process_time() - began)
        began = time.process_time()
        again, told, wanted = 0, dict[int, Any](), dict[int, int]()
        for place, policy in enumerate(fleet.policies):
            pods, now = fleet.pods[policy.key], fleet.now + number * SYNC_SECONDS
            scale = Scale(spec=ScaleSpec(len(pods)), status=ScaleStatus(len(pods), f"app={policy.metadata.name}"))
            seen, before = Seen(policy, scale, pods, readings), turns.get(policy.key)
            turn = rounds.again(seen, before, now)
            if turn is None:
                turn = decide(rounds.proposed(seen), Memory() if before is None else before.memory, now)
                status = status_of(policy, turn)
                if status is not None:
                    told[place] = status.manifest["status"]
                rounds.settle(seen, turn, quiet=status is None and not turn.decision.rescale)
            else:
                again += 1
            turns[policy.key] = turn
            if turn.decision.rescale:
                wanted[place] = turn.decision.desired
        deciding.append(time.process_time() - began)
        print(f"round {number}: {len(wanted)} scale, {len(told)} say something, {again} as before")
        for place, replicas in wanted.items():
            fleet.scale(fleet.policies[place], replicas)
        for place, status in told.items():
            known = msgspec.convert(status, ScalePolicyStatus)
            fleet.policies[place] = msgspec.structs.replace(fleet.policies[place], status=known)
        questions.append(float(store.asked - measured_before + 1))
    return asking, deciding, questions


def _policy(number: int) -> Mapping[str, Any]:
    metrics = [
        {"cpu": {"percent": 70}},
        {"memory": {"percent": 80}},
        {"requests": {"average": 20}},
        {"latency": {"milliseconds": 800}},
        {"gpu": {"percent": 90}},
        {"queue": {"query": f"sum(waiting_{number})", "average": 30}},
    ]
    spec = {"target": {"name": f"w{number}"}, "min": 1, "max": 50, "mode": "reactive", "metrics": metrics}
    return {"metadata": {"name": f"w{number}", "namespace": f"team-{number // EACH_NAMESPACE}"}, "spec": spec}


def _pod(namespace: str, name: str, now: float) -> Mapping[str, Any]:
    began = rfc3339(now - 86_400)
    requests = {"cpu": "500m", "memory": "512Mi"}
    ready = {"type": "Ready", "status": "True", "reason": "", "message": "", "lastTransitionTime": began}
    return {
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": began},
        "spec": {"containers": [{"name": "main", "image": "app:1", "resources": {"requests": requests}}]},
        "status": {"phase": "Running", "startTime": began, "conditions": [ready]},
    }


def _use(pod: Pod, now: float, times: float) -> Mapping[str, Any]:
    metadata = {"name": pod.metadata.name, "namespace": pod.metadata.namespace}
    busy = _number(pod) % 200
    containers = [{"name": "main", "usage": {"cpu": f"{round((250 + busy) * times * 10**6)}n", "memory": "400Mi"}}]
    return {"metadata": metadata, "timestamp": rfc3339(now), "window": "15s", "containers": containers}


def _number(pod: Pod) -> int:
    """Return a number that is the pod's own."""
    return sum(map(ord, pod.metadata.name))


def _labels(pod: Pod) -> dict[str, str]:
    return {"namespace": pod.metadata.namespace, "pod": pod.metadata.name}


def _vector(labels: list[dict[str, str]], values: list[float], now: float) -> bytes:
    found = [{"metric": each, "value": [now, f"{value:.6f}"]} for each, value in zip(labels, values, strict=True)]
    return msgspec.json.encode({"status": "success", "data": {"resultType": "vector", "result": found}})


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=3)
    given = parser.parse_args()
    keep_many_objects()  # as the service does
    fleet = Fleet(given.workloads, given.pods, Clock.wall().epoch_seconds + time.monotonic())
    asking, deciding, questions = asyncio.run(measured(fleet))
    whole = [one + other for one, other in zip(asking, deciding, strict=True)]
    case = f"{given.workloads} workloads of {given.pods} pods, six metrics"
    results: list[Result] = [
        result(f"{case}: a round", "s of a core", whole, goal=GOAL_SECONDS, less_is_better=True),
        result(f"{case}: of it reading measurements", "s of a core", asking),
        result(f"{case}: of it deciding", "s of a core", deciding),
        result(f"{case}: questions", "a round", questions),
    ]
    report("autoscaler_round", results)


if __name__ == "__main__":
    main()
