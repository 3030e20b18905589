"""What is worked out for all ScalePolicies at once is what each would come to by itself, whatever its pods are like."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kubewright.api.autoscaling import PodMetrics, Scale, ScaleSpec, ScaleStatus
from kubewright.api.core import Pod
from kubewright.api.crds.scalepolicy import ScalePolicy, ScalePolicyStatus
from kubewright.api.meta import rfc3339
from kubewright.autoscaler.decide import decide
from kubewright.autoscaler.measuring import SYNC_SECONDS, Measuring
from kubewright.autoscaler.readings import Needs, Readings, needs_of
from kubewright.autoscaler.rounds import Rounds
from kubewright.autoscaler.seen import Memory, Seen
from kubewright.autoscaler.status import status_of
from kubewright.client.protocol import Listing
from kubewright.clock import Clock
from kubewright.scaling.limits import History
from kubewright.scaling.podset import PodSet
from kubewright.series.protocol import Missing, PodQuery, Sample, Signal, Vector, Why

BEGAN = 1_700_000_000.0
ROUNDS = 3
METRICS: tuple[dict[str, Any], ...] = (
    {"cpu": {"percent": 70}},
    {"cpu": {"average": "150m"}},
    {"cpu": {"percent": 50, "container": "main"}},
    {"memory": {"percent": 80}},
    {"requests": {"average": 20}},
    {"latency": {"milliseconds": 500}},
    {"gpu": {"percent": 60}},
    {"queue": {"query": "waiting", "average": 5}},
    {"promql": {"query": "waiting", "value": 8}},
    {"promql": {"query": "each", "perPod": 3}},
)
RULES = {"scaleDown": {"stabilizationWindowSeconds": 15}, "scaleUp": {"tolerance": "0.02"}}

amounts = st.floats(0, 60).map(lambda each: round(each, 3))
pods = st.fixed_dictionaries(
    {
        "phase": st.sampled_from(["Running"] * 6 + ["Pending", "Failed"]),
        "ready": st.sampled_from([True, True, True, False]),
        "age": st.sampled_from([86_400, 86_400, 250]),
        "requests": st.sampled_from([True, True, True, True, False]),
    }
)
policies = st.fixed_dictionaries(
    {
        "metrics": st.lists(st.sampled_from(METRICS), min_size=1, max_size=4),
        "pods": st.lists(pods, max_size=4),
        "min": st.sampled_from([1, 1, 2, 0]),
        "behavior": st.sampled_from([None, RULES]),
    }
)


class World:
    """Policies, their pods, and what is measured of them, which changes a little or much from round to round."""

    def __init__(self, drawn: list[dict[str, Any]]) -> None:
        self.now = BEGAN
        self.policies = [_policy(number, each) for number, each in enumerate(drawn)]
        self.pods = [PodSet(_pod(number, *each) for each in enumerate(of["pods"])) for number, of in enumerate(drawn)]
        self.scales = [len(each) for each in self.pods]
        self.values: dict[tuple[str, str], float | None] = {}
        self.waiting: float | None = 5.0

    def scale(self, place: int) -> Scale:
        """Return what a target's scale says."""
        replicas = self.scales[place]
        return Scale(spec=ScaleSpec(replicas), status=ScaleStatus(replicas, f"app=w{place}"))

    def everybody(self) -> list[Pod]:
        """Return all pods."""
        return [pod for each in self.pods for pod in each]

    async def list(self, _resource: object, **_options: object) -> Listing[PodMetrics]:
        """Return what metrics.k8s.io would."""
        return Listing(tuple(_use(pod, self) for pod in self.everybody() if self._of(pod, "cpu") is not None), "1")

    async def instant(self, query: Any) -> Vector | Missing:
        """Answer as a store does."""
        if isinstance(query, PodQuery):
            bounds = ({"le": "0.1"}, {"le": "1"}, {"le": "+Inf"}) if query.signal is Signal.LATENCY else ({},)
            samples = [
                Sample(_labels(pod) | more, value * (place + 1) / len(bounds), self.now)
                for pod in self.everybody()
                if (value := self._of(pod, query.signal.name)) is not None
                for place, more in enumerate(bounds)
            ]
        else:
            samples = [
                Sample(labels, value, self.now)
                for part, text in enumerate(query.promql.split(" or "))
                for pod in (self.everybody() if "each" in text else [None])
                if (value := self.waiting if pod is None else self._of(pod, "each")) is not None
                for labels in [({} if pod is None else _labels(pod)) | {"kubewright_query": str(part)}]
            ]
        return Vector(tuple(samples)) if samples else Missing(Why.NO_DATA, "no series")

    def _of(self, pod: Pod, kind: str) -> float | None:
        return self.values.get((pod.metadata.name, kind), 10.0)


def _policy(number: int, drawn: dict[str, Any]) -> ScalePolicy:
    spec = {"target": {"name": f"w{number}"}, "max": 6, "mode": "reactive", "min": drawn["min"]}
    spec |= {"metrics": drawn["metrics"]} | ({"behavior": drawn["behavior"]} if drawn["behavior"] else {})
    return msgspec.convert({"metadata": {"name": f"w{number}", "namespace": "shop"}, "spec": spec}, ScalePolicy)


def _pod(number: int, place: int, drawn: dict[str, Any]) -> Pod:
    began = rfc3339(BEGAN - drawn["age"])
    requests = {"cpu": "200m", "memory": "20Ki"} if drawn["requests"] else {}
    ready = {"type": "Ready", "status": str(drawn["ready"]), "lastTransitionTime": began}
    made = {
        "metadata": {"name": f"w{number}-{place}", "namespace": "shop", "creationTimestamp": began},
        "spec": {"containers": [{"name": "main", "image": "app:1", "resources": {"requests": requests}}]},
        "status": {"phase": drawn["phase"], "startTime": began, "conditions": [ready]},
    }
    return msgspec.convert(made, Pod)


def _use(pod: Pod, world: World) -> PodMetrics:
    used = round((world.values.get((pod.metadata.name, "cpu")) or 10.0) * 10)
    containers = [{"name": "main", "usage": {"cpu": f"{used}m", "memory": f"{used}00"}}]
    metadata = {"name": pod.metadata.name, "namespace": pod.metadata.namespace}
    made = {"metadata": metadata, "timestamp": rfc3339(world.now), "window": "15s", "containers": containers}
    return msgspec.convert(made, PodMetrics)


def _labels(pod: Pod) -> dict[str, str]:
    return {"namespace": pod.metadata.namespace, "pod": pod.metadata.name}


def _lived(world: World, data: st.DataObject) -> int:
    """Live some rounds by both ways, which must come to the same; return how many turns were passed over."""
    source: Any = world
    measuring = Measuring(source, Clock.virtual(), source, Needs)
    rounds, turns, memories, passed = Rounds(), {}, {}, 0
    for number in range(ROUNDS):
        world.now = BEGAN + number * SYNC_SECONDS
        needs = Needs.of_all(needs_of("shop", each.spec) for each in world.policies)
        readings = asyncio.run(_read(measuring, needs, world.now))
        for place, policy in enumerate(world.policies):
            seen, before = Seen(policy, world.scale(place), world.pods[place], readings), turns.get(place)
            alone = decide(seen, memories.get(place, Memory()), world.now)
            told = status_of(policy, alone)
            again = rounds.again(seen, before, world.now)
            turn = again or decide(rounds.proposed(seen), before.memory if before else Memory(), world.now)
            one, other = (
                msgspec.structs.replace(each.decision, metrics=None, history=History()) for each in (turn, alone)
            )
            assert (one, turn.memory, turn.bounds, turn.problems) == (other, alone.memory, alone.bounds, alone.problems)
            if again is None:
                assert turn.decision.metrics == alone.decision.metrics
                rounds.settle(seen, turn, quiet=told is None and not turn.decision.rescale)
            else:
                assert told is None
                passed += 1
            turns[place], memories[place] = turn, alone.memory
            if told is not None:
                status = msgspec.convert(told.manifest["status"], ScalePolicyStatus)
                world.policies[place] = msgspec.structs.replace(policy, status=status)
        if data.draw(st.booleans()):
            names = [pod.metadata.name for pod in world.everybody()]
            kinds = ["cpu", "REQUESTS", "LATENCY", "GPU", "each"]
            keys = st.tuples(st.sampled_from(names or [""]), st.sampled_from(kinds))
            world.values |= data.draw(st.dictionaries(keys, st.none() | amounts, max_size=4))
            world.waiting = data.draw(st.none() | amounts)
            place = data.draw(st.integers(0, len(world.policies) - 1))
            world.scales[place] = data.draw(st.integers(0, 6))
    return passed


async def _read(measuring: Measuring, needs: Needs, now: float) -> Readings:
    measuring.clock = Clock(now - asyncio.get_running_loop().time())
    return await measuring.read(needs)


@settings(max_examples=30, deadline=None)
@given(st.lists(policies, min_size=1, max_size=4), st.data())
def test_a_round_for_all_decides_what_each_policy_would_by_itself(drawn, data):
    _lived(World(drawn), data)


class _Never:
    def draw(self, _strategy: object) -> bool:
        return False


def test_policies_that_nothing_happens_to_are_passed_over():
    steady = {"phase": "Running", "ready": True, "age": 86_400, "requests": True}
    drawn = [
        {"metrics": [metric], "pods": [steady] * 2, "min": 1, "behavior": None} for metric in (*METRICS[:2], METRICS[4])
    ]
    undisturbed: Any = _Never()
    # One round decides, one sees its own status, and the others say the same.
    assert _lived(World(drawn), undisturbed) == len(drawn)
