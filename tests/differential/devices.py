"""Random devices and claims, decided by the real kube-scheduler and by `placement`: the nodes, and the very devices."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.resourceclaims import DeviceClass, ResourceClaim, ResourceSlice
from kubewright.placement.claims import DeviceClaims
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit, fit, ranked
from kubewright.placement.preempt import preempt
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.standing import REFUSED
from tests.differential.real import SETTLE_SECONDS, Real, collection

DRIVER = "gpu.example.com"
MODELS = ("A", "B")
HEAD = {"apiVersion": "resource.k8s.io/v1"}
Document = dict[str, Any]


def _object(api_version: str, kind: str, name: str, namespace: str = "") -> Document:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


class Draw:
    """Draws nodes with devices of every sort, and claims of every sort."""

    def __init__(self, seed: int, number: int, attempt: int = 0) -> None:
        """Attempts draw the same under other names."""
        self._rng = random.Random(f"{seed}/devices/{number}")
        self.prefix = f"d{number}-{attempt}"
        self.nodes = [f"{self.prefix}-n{each}" for each in range(self._rng.randint(2, 5))]

    def objects(self) -> list[Document]:
        """All that is there before the pods."""
        found = [_object("v1", "Namespace", self.prefix)]
        for name in self.nodes:
            node = _object("v1", "Node", name)
            amounts = {"cpu": "4", "memory": "8Gi", "pods": "20"}
            node["metadata"]["labels"] = {"kubernetes.io/hostname": name, "rack": self._rng.choice("xy")}
            found.append({**node, "status": {"allocatable": amounts, "capacity": amounts}})
        for name, expression in (("any", ""), ("a", f"device.attributes['{DRIVER}'].model == 'A'")):
            selectors = [{"cel": {"expression": expression}}] if expression else []
            found.append({**_object(HEAD["apiVersion"], "DeviceClass", name), "spec": {"selectors": selectors}})
        for name in self.nodes:
            found += self._on(name)
        terms = [{"matchExpressions": [{"key": "rack", "operator": "In", "values": ["x"]}]}]
        where = {"nodeSelector": {"nodeSelectorTerms": terms}} if self._rng.random() < 0.5 else {"allNodes": True}
        return [*found, self._slice(f"{self.prefix}-net", [self._device("net0"), self._device("net1")], **where)]

    def _on(self, node: str) -> list[Document]:
        rng = self._rng
        if rng.random() < 0.3:
            counters = [{"name": "gpu", "counters": {"memory": {"value": "40Gi"}}}]
            parts = [
                self._device(
                    f"part{each}",
                    consumesCounters=[{"counterSet": "gpu", "counters": {"memory": {"value": rng.choice(SIZES)}}}],
                )
                for each in range(rng.randint(2, 5))
            ]
            pool = {"count": 2, "pool": node, "nodeName": node}
            return [
                self._slice(f"{node}-counters", [], sharedCounters=counters, **pool),
                self._slice(f"{node}-parts", parts, **pool),
            ]
        return [self._slice(node, [self._device(f"d{each}") for each in range(rng.randint(0, 4))], nodeName=node)]

    def _slice(self, name: str, devices: list[Document], *, count: int = 1, pool: str = "", **where: Any) -> Document:
        pools = {"name": pool or name, "generation": 1, "resourceSliceCount": count}
        spec = {"driver": DRIVER, "pool": pools, **({"devices": devices} if devices else {}), **where}
        return {**_object(HEAD["apiVersion"], "ResourceSlice", name), "spec": spec}

    def _device(self, name: str, **more: Any) -> Document:
        rng = self._rng
        attributes = {"model": {"string": rng.choice(MODELS)}, "version": {"version": f"1.{rng.randint(8, 11)}.0"}}
        if rng.random() < 0.8:
            attributes["example.org/numa"] = {"int": rng.randint(0, 1)}
        capacity: Document = {"memory": {"value": rng.choice(SIZES)}}
        if not more and rng.random() < 0.3:
            more["allowMultipleAllocations"] = True
            capacity["memory"]["requestPolicy"] = {"default": "5Gi", "validRange": {"min": "5Gi", "step": "5Gi"}}
        if rng.random() < 0.15:
            more["taints"] = [{"key": "broken", "effect": rng.choice(("NoSchedule", "NoExecute"))}]
        return {"name": name, "attributes": attributes, "capacity": capacity, **more}

    def claim(self, name: str) -> Document:
        """One more claim."""
        rng = self._rng
        requests = [self._request(f"r{each}") for each in range(rng.choice((1, 1, 2)))]
        devices: Document = {"requests": requests}
        if rng.random() < 0.25:
            kind = rng.choice(("matchAttribute", "distinctAttribute"))
            devices["constraints"] = [{kind: "example.org/numa"}]
        return {**_object(HEAD["apiVersion"], "ResourceClaim", name, self.prefix), "spec": {"devices": devices}}

    def _request(self, name: str) -> Document:
        if self._rng.random() < 0.25:
            return {"name": name, "firstAvailable": [{"name": f"w{each}", **self._asked()} for each in range(2)]}
        return {"name": name, "exactly": self._asked()}

    def _asked(self) -> Document:
        rng = self._rng
        asked: Document = {"deviceClassName": rng.choice(("any", "any", "a")), "count": rng.choice((1, 1, 1, 2))}
        own = f"device.attributes['{DRIVER}']"
        expression = rng.choice(
            (
                "",
                "",
                f"{own}.model == 'B'",
                f"{own}.version.isGreaterThan(semver('1.9.0'))",
                f"device.capacity['{DRIVER}'].memory.compareTo(quantity('20Gi')) >= 0",
                "has(device.attributes['example.org'].numa)",
                "device.allowMultipleAllocations",
            )
        )
        if expression:
            asked["selectors"] = [{"cel": {"expression": expression}}]
        if rng.random() < 0.2:
            asked["capacity"] = {"requests": {"memory": rng.choice(("1Gi", "6Gi", "10Gi"))}}
        if rng.random() < 0.2:
            asked["tolerations"] = [{"key": "broken", "operator": "Exists"}]
        return asked


SIZES = ("10Gi", "20Gi", "40Gi")


@dataclass
class World:
    """What is in the cluster, as placement sees it."""

    objects: dict[str, dict[ObjectKey, Any]] = field(default_factory=dict)

    def put(self, document: Document) -> Any:
        """Take an object over."""
        kind = document["kind"]
        decoded: Any = msgspec.convert(document, TYPES[kind])
        self.objects.setdefault(kind, {})[decoded.key] = decoded
        return decoded

    def snapshot(self) -> ClusterSnapshot:
        """Lay it out."""
        claims, classes, slices = (
            self.objects.get(kind, {}) for kind in ("ResourceClaim", "DeviceClass", "ResourceSlice")
        )
        view = DeviceClaims(claims, classes, slices)
        nodes = sorted(self.objects["Node"].values(), key=lambda each: each.metadata.name)
        return ClusterSnapshot.of(nodes, self.objects.get("Pod", {}).values(), claims=view)


TYPES: dict[str, Any] = {
    "Node": Node,
    "Pod": Pod,
    "ResourceClaim": ResourceClaim,
    "DeviceClass": DeviceClass,
    "ResourceSlice": ResourceSlice,
}


async def compare(real: Real, seed: int, number: int, n_pods: int) -> list[str]:
    """Decide about some pods on both sides and return the disagreements."""
    found: list[str] = []
    for attempt, real.settle_seconds in enumerate(SETTLE_SECONDS):
        found = await _compare(real, Draw(seed, number, attempt), n_pods)
        if not found:
            break
    return found


async def _compare(real: Real, draw: Draw, n_pods: int) -> list[str]:
    world = World()
    made: list[Document] = []
    try:
        for document in draw.objects():
            created = await real.create(document)
            made.append(created)
            if document["kind"] in TYPES:
                world.put(created)
        await asyncio.sleep(real.settle_seconds)
        found: list[str] = []
        for each in range(n_pods):
            found += await _one(real, draw, world, f"p{each}", made)
        return found
    finally:
        for document in reversed(made):
            path = f"{collection(document)}/{document['metadata']['name']}"
            if document["kind"] == "ResourceClaim":
                now = (await real.api.get(path)).ok()
                now["metadata"].pop("finalizers", None)
                await real.api.ask("PUT", path, now)
            await real.api.ask("DELETE", path, gracePeriodSeconds=0)


async def _one(real: Real, draw: Draw, world: World, name: str, made: list[Document]) -> list[str]:
    claim = await real.create(draw.claim(name))
    world.put(claim)
    document = _object("v1", "Pod", name, draw.prefix)
    container = {"name": "c", "image": "app:1", "resources": {"claims": [{"name": "gpu"}]}}
    document["spec"] = {"containers": [container], "resourceClaims": [{"name": "gpu", "resourceClaimName": name}]}
    created = await real.create(document)
    made += [claim, created]
    pod = msgspec.convert(created, Pod)
    snapshot = world.snapshot()
    outcome = fit(pod, snapshot, 0)
    after = await real.outcome(created)
    node = after["spec"].get("nodeName", "")
    shown = f"{name}: {claim['spec']}"
    if not node:
        [condition] = [each for each in after["status"]["conditions"] if each["type"] == "PodScheduled"]
        ours = f"{outcome} {preempt(pod, snapshot, 0, ())}" if isinstance(outcome, Diagnosis) else f"{outcome.node}"
        return [] if ours == condition["message"] else [f"{shown}\n  real: {condition['message']}\n  ours: {ours}"]
    allocated = (await real.api.get(f"{collection(claim)}/{name}")).ok()
    found = _difference(shown, pod, snapshot, outcome, node, allocated["status"]["allocation"])
    world.put({**after, "kind": "Pod"})
    world.put({**allocated, "kind": "ResourceClaim"})
    return found


def _difference(
    shown: str, pod: Pod, snapshot: ClusterSnapshot, outcome: Fit | Diagnosis, node: str, allocation: Document
) -> list[str]:
    """Say what the real scheduler chose that is not our best node, or not the devices that we give there."""
    if isinstance(outcome, Diagnosis):
        return [f"{shown}\n  real: {node}\n  ours: {outcome}"]
    ranks = ranked(snapshot.row(pod), snapshot)
    column = snapshot.table.columns[node]
    if ranks[column] == REFUSED or ranks[column] != ranks.max():
        return [f"{shown}\n  real: {node}\n  ours: {ranks.tolist()}"]
    snapshot.assume(snapshot.row(pod), column)
    [decision] = snapshot.claims.decided_for(pod).values()
    theirs, ours = _devices(allocation), _devices(decision.allocation)
    return [] if theirs == ours else [f"{shown}\n  real: {theirs}\n  ours: {ours}"]


def _devices(allocation: Document) -> tuple[list[Any], Any]:
    """What was allocated, without the names of shares."""
    results = [
        {name: value for name, value in each.items() if name != "shareID"} for each in allocation["devices"]["results"]
    ]
    return results, allocation.get("nodeSelector")
