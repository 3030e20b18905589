"""The real kube-scheduler's side: a world in a control plane without controllers, and what becomes of its pods."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.placement.examine import examine
from kubewright.placement.fit import Fit, fit, ranked
from kubewright.placement.policy import SPREAD
from kubewright.placement.preempt import NoPreemption, preempt
from kubewright.placement.standing import REFUSED
from kubewright.placement.victims import RoomSearch, Victims
from tests.contract.asking import MERGE, Api
from tests.differential.draws import POLITE, PRIORITIES, Document, Draw, World
from tests.differential.model import Model
from tools.cluster import ControlPlane

ROOTS = {
    "v1": "/api/v1",
    "apps/v1": "/apis/apps/v1",
    "storage.k8s.io/v1": "/apis/storage.k8s.io/v1",
    "policy/v1": "/apis/policy/v1",
    "scheduling.k8s.io/v1": "/apis/scheduling.k8s.io/v1",
    "resource.k8s.io/v1": "/apis/resource.k8s.io/v1",
}
PLURALS = {"StorageClass": "storageclasses", "PriorityClass": "priorityclasses", "DeviceClass": "deviceclasses"}
WITH_STATUS = ("PersistentVolume", "PersistentVolumeClaim", "PodDisruptionBudget", "Pod")
"""A node's status is taken over when it is created, of these it is not."""
SETTLE_SECONDS = (0.3, 3.0, 10.0)
"""So long the scheduler's watches may take to tell of what was made before a pod: where the sides differ, all is asked
again, with more time.
"""
PATIENCE_SECONDS = 120
PROMISED_SECONDS = 20
"""Room was made: where is known by now, though the real one may not look again for minutes."""
PREEMPTING = "found a potential placement"
"""What the scheduler says while it makes room, before it says for which node."""
FIRST_START = 1_767_312_000
POLL_SECONDS = 0.01
PLANE = {
    "kube-apiserver": ["--disable-admission-plugins=TaintNodesByCondition,ServiceAccount,StorageObjectInUseProtection"]
}


@dataclass(frozen=True)
class Verdict:
    """What each side said of one pod."""

    pod: str
    real: str
    ours: str
    agree: bool
    is_placed: bool
    document: Document

    def __str__(self) -> str:
        return f"{self.pod}: {'agree' if self.agree else 'DIFFER'}\n  real: {self.real}\n  ours: {self.ours}"


@dataclass(frozen=True)
class Judgement:
    """What `placement` says of one pod before the real scheduler is asked."""

    names: list[str]
    ranks: list[int]
    """Of each node; REFUSED where it is not feasible."""
    ways: dict[str, Victims]
    """Where room could be made, at the least cost."""
    text: str

    @classmethod
    def of(cls, pod: Pod, model: Model) -> Judgement:
        """Judge a pod in the world as it is."""
        snapshot = model.snapshot()
        row = snapshot.row(pod)
        names = [node.metadata.name for node in snapshot.table.nodes]
        outcome = fit(pod, snapshot, 0)
        if isinstance(outcome, Fit):
            ranks = ranked(row, snapshot).tolist()
            listed = {name: rank for name, rank in zip(names, ranks, strict=True) if rank != REFUSED}
            return cls(names, ranks, {}, f"best of {listed}")
        budgets = model.of("PodDisruptionBudget").values()
        room = preempt(pod, snapshot, 0, budgets)
        if isinstance(room, NoPreemption):
            return cls(names, [], {}, f"{outcome} {room}")
        ways: dict[str, Victims] = {}
        search = RoomSearch(row, snapshot, SPREAD, budgets)
        least = search.victims(room.column, search.lower(room.column))
        for column in np.flatnonzero(examine(row, snapshot, SPREAD).resolvable).tolist():
            way = search.victims(column, search.lower(column))
            if way is not None and least is not None and way.cost == least.cost:
                ways[names[column]] = way
        named = {node: [str(each.key) for each in way.pods] for node, way in ways.items()}
        return cls(names, [], ways, f"makes room at {named}")

    def agrees(self, chosen: str, gone: set[ObjectKey]) -> bool:
        """Tell whether the real choice is one of ours."""
        if self.ways:
            return chosen in self.ways and gone == {each.key for each in self.ways[chosen].pods}
        ranks = dict(zip(self.names, self.ranks, strict=False))  # none where no node is feasible
        return not gone and chosen in ranks and ranks[chosen] == max(self.ranks)


@dataclass
class Real:
    """A control plane whose scheduler is compared."""

    api: Api
    settle_seconds: float = SETTLE_SECONDS[0]
    _started: int = 0

    async def run(self, seed: int, number: int, n_pods: int, *, crowded: bool = False) -> list[Verdict]:
        """Draw a world, make it, and place its pods one by one on both sides."""
        verdicts: list[Verdict] = []
        for attempt, self.settle_seconds in enumerate(SETTLE_SECONDS):
            verdicts = await self._compare(Draw(seed, number, attempt, crowded=crowded).world(n_pods))
            if all(each.agree for each in verdicts):
                break
        return verdicts

    async def _compare(self, world: World) -> list[Verdict]:
        model = Model()
        try:
            await self._make(world, model)
            return [await self._ask(each, model) for each in world.pods]
        finally:
            await self._wipe(model)

    async def prepare(self) -> None:
        """Make what all worlds share."""
        for name, priority in PRIORITIES.items():
            document = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
            manners = "Never" if name == POLITE else "PreemptLowerPriority"
            await self.create({**document, "value": priority, "preemptionPolicy": manners})

    async def _make(self, world: World, model: Model) -> None:
        for document in (*world.namespaces, *world.objects, *world.placed, *world.budgets):
            model.put(await self.create(document))
        await asyncio.sleep(self.settle_seconds)

    async def create(self, document: Document) -> Document:
        """Create an object, and write its status where that takes a second request."""
        path = collection(document)
        made = (await self.api.ask("POST", path, document)).ok()
        if (
            document["kind"] in {"PersistentVolume", "PersistentVolumeClaim", "PodDisruptionBudget"}
            and "status" in document
        ):
            changed = {**made, "status": {**made.get("status", {}), **document["status"]}}
            made = (await self.api.ask("PUT", f"{path}/{made['metadata']['name']}/status", changed)).ok()
        return {**made, "apiVersion": document["apiVersion"], "kind": document["kind"]}

    async def _take_away(self, document: Document, model: Model) -> None:
        metadata = document["metadata"]
        await self.api.ask("DELETE", f"{collection(document)}/{metadata['name']}", gracePeriodSeconds=0)
        model.drop("Pod", ObjectKey(metadata["namespace"], metadata["name"]))

    async def _ask(self, document: Document, model: Model) -> Verdict:
        """Ask both of one pod."""
        made = await self.create(document)
        pod = model.put(made)
        judged = Judgement.of(pod, model)
        after = await self.outcome(made)
        refusal = _refusal(after)
        chosen = after["spec"].get("nodeName", "") or after["status"].get("nominatedNodeName", "")
        if refusal and not chosen:
            await self._take_away(document, model)
            return Verdict(str(pod.key), refusal, judged.text, refusal == judged.text, False, made)
        if after["spec"].get("nodeName"):
            model.put(await self._start(after))
        else:
            await self._take_away(document, model)
        gone = await self._gone_for(judged, chosen, model)
        await self._bind_claims(model, pod)
        real = f"on {chosen}" + (f", in place of {sorted(map(str, gone))}" if gone else "")
        return Verdict(str(pod.key), real, judged.text, judged.agrees(chosen, gone), True, made)

    async def _start(self, pod: Document) -> Document:
        """Say since when a pod runs, as its kubelet would: of pods that did not start, any may have to go."""
        path = f"{collection(pod)}/{pod['metadata']['name']}/status"
        self._started += 1
        change = {"status": {"startTime": rfc3339(FIRST_START + self._started)}}
        return {**pod, **(await self.api.ask("PATCH", path, change, content_type=MERGE)).ok()}

    async def _gone_for(self, judged: Judgement, chosen: str, model: Model) -> set[ObjectKey]:
        """Tell whom the scheduler deleted for a pod, which it goes on with after it has said where the pod may go."""
        gone = await self._gone(model)
        began = asyncio.get_running_loop().time()
        while chosen in judged.ways and not judged.agrees(chosen, gone):
            if asyncio.get_running_loop().time() - began > PROMISED_SECONDS:
                break
            await asyncio.sleep(POLL_SECONDS)
            gone |= await self._gone(model)
        return gone

    async def _gone(self, model: Model) -> set[ObjectKey]:
        """Drop the pods from the model that are there no more, and tell which."""
        spaces = {key.namespace for key in model.of("Pod")}
        there: set[ObjectKey] = set()
        for space in spaces:
            listed = (await self.api.get(f"/api/v1/namespaces/{space}/pods")).ok()["items"]
            there |= {ObjectKey(space, each["metadata"]["name"]) for each in listed}
        gone = set(model.of("Pod")) - there
        for key in gone:
            model.drop("Pod", key)
        return gone

    async def outcome(self, made: Document) -> Document:
        """Wait until the pod has a node or the scheduler has given it up."""
        path = f"{collection(made)}/{made['metadata']['name']}"
        began = asyncio.get_running_loop().time()
        while True:
            now = (await self.api.get(path)).ok()
            is_promised = bool(now.get("status", {}).get("nominatedNodeName")) or PREEMPTING in _refusal(now)
            if now["spec"].get("nodeName") or (_refusal(now) and not is_promised):
                return now
            waited = asyncio.get_running_loop().time() - began
            if is_promised and waited > PROMISED_SECONDS:
                return now
            assert waited < PATIENCE_SECONDS, f"the real scheduler has not decided: {now}"
            await self._bind_chosen(now)
            await asyncio.sleep(POLL_SECONDS)

    async def _bind_chosen(self, pod: Document) -> None:
        """Do what the volume controller and a provisioner would for the pod's claims."""
        for volume in pod["spec"].get("volumes", ()):
            if "persistentVolumeClaim" not in volume:
                continue
            space, name = pod["metadata"]["namespace"], volume["persistentVolumeClaim"]["claimName"]
            await self._serve(space, name)

    async def _serve(self, space: str, name: str) -> None:
        path = f"/api/v1/namespaces/{space}/persistentvolumeclaims/{name}"
        answer = await self.api.get(path)
        if answer.status >= 400:
            return
        claim = answer.document
        notes = claim["metadata"].get("annotations", {})
        if "pv.kubernetes.io/bind-completed" in notes:
            return
        volume = await self._chosen_for(claim)
        if volume is None:
            return
        notes = {**notes, "pv.kubernetes.io/bind-completed": "yes"}
        claim["metadata"]["annotations"] = notes
        claim["spec"]["volumeName"] = volume
        changed = await self.api.ask("PUT", path, claim)
        if changed.status == 409:
            return  # the scheduler wrote meanwhile: it is looked at again
        bound = {"status": {"phase": "Bound"}}
        (await self.api.ask("PATCH", f"{path}/status", bound, content_type=MERGE)).ok()

    async def _chosen_for(self, claim: Document) -> str | None:
        space, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        for volume in (await self.api.get("/api/v1/persistentvolumes")).ok()["items"]:
            ref = volume["spec"].get("claimRef")
            if ref and (ref["namespace"], ref["name"]) == (space, name):
                return volume["metadata"]["name"]
        if "volume.kubernetes.io/selected-node" not in claim["metadata"].get("annotations", {}):
            return None
        made = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"made-{space}-{name}"},
            "spec": {
                "capacity": {"storage": "3Gi"},
                "accessModes": claim["spec"]["accessModes"],
                "storageClassName": claim["spec"]["storageClassName"],
                "csi": {"driver": "disks.example.com", "volumeHandle": f"made-{space}-{name}"},
                "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": space, "name": name},
            },
        }
        made["spec"]["claimRef"]["uid"] = claim["metadata"]["uid"]
        return (await self.create({**made, "status": {"phase": "Bound"}}))["metadata"]["name"]

    async def _bind_claims(self, model: Model, pod: Any) -> None:
        """Read the storage again after a pod with claims was placed."""
        if not pod.spec.volumes:
            return
        for kind in ("PersistentVolumeClaim", "PersistentVolume"):
            for document in (await self.api.get(f"/api/v1/{kind.lower()}s")).ok()["items"]:
                model.put({**document, "kind": kind})
        await asyncio.sleep(self.settle_seconds)

    async def _wipe(self, model: Model) -> None:
        for kind in ("Pod", "Service", "ReplicaSet", "PersistentVolumeClaim", "PodDisruptionBudget"):
            for key in list(model.of(kind)):
                root = {"ReplicaSet": "/apis/apps/v1", "PodDisruptionBudget": "/apis/policy/v1"}.get(kind, "/api/v1")
                path = f"{root}/namespaces/{key.namespace}/{kind.lower()}s/{key.name}"
                await self.api.ask("DELETE", path, gracePeriodSeconds=0)
        for root, kind in (
            ("/api/v1", "nodes"),
            ("/api/v1", "persistentvolumes"),
            ("/apis/storage.k8s.io/v1", "csinodes"),
            ("/apis/storage.k8s.io/v1", "storageclasses"),
        ):
            await self.api.ask("DELETE", f"{root}/{kind}")


def collection(document: Document) -> str:
    """Return the path of an object's collection."""
    root = ROOTS[document["apiVersion"]]
    namespace = document["metadata"].get("namespace")
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{PLURALS.get(document['kind'], document['kind'].lower() + 's')}"


def _refusal(pod: Document) -> str:
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("message", "")
    return ""


@contextmanager
def real_scheduler(state: Path) -> Iterator[tuple[Real, asyncio.Runner]]:
    """Start a control plane without controllers, and give its scheduler's side with the loop to run it on."""
    with (
        ControlPlane.start(state, controllers=False, extra_arguments=PLANE) as plane,
        asyncio.Runner() as runner,
    ):
        transport = HttpTransport(load(str(plane.kubeconfig)))
        real = Real(Api(transport))
        runner.run(real.prepare())
        yield real, runner
        runner.run(transport.close())
