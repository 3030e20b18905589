"""The real kube-scheduler's side: a world in a control plane without controllers, and what becomes of its pods."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.placement.fit import Fit, fit, ranked
from kubewright.placement.standing import REFUSED
from tests.contract.asking import Api
from tests.differential.draws import Document, Draw, World
from tests.differential.model import Model
from tools.cluster import ControlPlane

ROOTS = {
    "v1": "/api/v1",
    "apps/v1": "/apis/apps/v1",
    "storage.k8s.io/v1": "/apis/storage.k8s.io/v1",
    "policy/v1": "/apis/policy/v1",
    "scheduling.k8s.io/v1": "/apis/scheduling.k8s.io/v1",
}
PLURALS = {"StorageClass": "storageclasses", "PriorityClass": "priorityclasses"}
SETTLE_SECONDS = 0.3
"""So long the scheduler's watches may take to tell of what was made before a pod."""
PATIENCE_SECONDS = 60
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


@dataclass
class Real:
    """A control plane whose scheduler is compared."""

    api: Api

    async def run(self, seed: int, number: int, n_pods: int) -> list[Verdict]:
        """Draw a world, make it, and place its pods one by one on both sides."""
        world = Draw(seed, number).world(n_pods)
        model = Model()
        try:
            await self._make(world, model)
            return [await self._compare(each, model) for each in world.pods]
        finally:
            await self._wipe(model)

    async def _make(self, world: World, model: Model) -> None:
        for document in (*world.namespaces, *world.objects):
            model.put(await self.create(document))
        for document in world.placed:
            model.put(await self.create(document))
        await asyncio.sleep(SETTLE_SECONDS)

    async def create(self, document: Document) -> Document:
        """Create an object, and write its status where that takes a second request."""
        path = collection(document)
        made = (await self.api.ask("POST", path, document)).ok()
        if (
            document["kind"] in {"PersistentVolume", "PersistentVolumeClaim", "PodDisruptionBudget"}
            and "status" in document
        ):
            changed = {**made, "status": document["status"]}
            made = (await self.api.ask("PUT", f"{path}/{made['metadata']['name']}/status", changed)).ok()
        return {**made, "apiVersion": document["apiVersion"], "kind": document["kind"]}

    async def _compare(self, document: Document, model: Model) -> Verdict:
        made = await self.create(document)
        pod = model.put(made)
        snapshot = model.snapshot()
        row = snapshot.row(pod)
        names = [node.metadata.name for node in snapshot.table.nodes]
        outcome = fit(pod, snapshot, columns_in_order(len(names)))
        ranks = ranked(row, snapshot).copy()
        after = await self._outcome(made)
        message = _refusal(after)
        path = f"{collection(document)}/{pod.metadata.name}"
        if message:
            await self.api.ask("DELETE", path, gracePeriodSeconds=0)
            model.drop("Pod", pod.key)
            ours = f"on {outcome.node}" if isinstance(outcome, Fit) else str(outcome)
            return Verdict(str(pod.key), message, ours, without_preemption(message) == ours, False, made)
        chosen = after["spec"]["nodeName"]
        model.put(after)
        await self._bind_claims(model, pod)
        if not isinstance(outcome, Fit):
            return Verdict(str(pod.key), f"on {chosen}", str(outcome), False, True, made)
        bests = {names[column] for column in range(len(names)) if ranks[column] == ranks[outcome.column]}
        listed = {name: int(rank) for name, rank in zip(names, ranks, strict=True) if rank != REFUSED}
        return Verdict(str(pod.key), f"on {chosen}", f"best of {listed}", chosen in bests, True, made)

    async def _outcome(self, made: Document) -> Document:
        """Wait until the pod has a node or the scheduler has given it up."""
        path = f"{collection(made)}/{made['metadata']['name']}"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                now = (await self.api.get(path)).ok()
                if now["spec"].get("nodeName") or _refusal(now):
                    return now
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
        changed = (await self.api.ask("PUT", path, claim)).ok()
        (await self.api.ask("PUT", f"{path}/status", {**changed, "status": {"phase": "Bound"}})).ok()

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
        await asyncio.sleep(SETTLE_SECONDS)

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


def columns_in_order(n_nodes: int) -> Any:
    """Return the order of columns in which the first of equals is the one with the first name."""
    import numpy as np

    return np.arange(n_nodes, dtype=np.intp)


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


def without_preemption(message: str) -> str:
    """Cut off what preemption has to say."""
    return message.partition(" preemption:")[0]


@contextmanager
def real_scheduler(state: Path) -> Iterator[tuple[Real, asyncio.Runner]]:
    """Start a control plane without controllers, and give its scheduler's side with the loop to run it on."""
    with (
        ControlPlane.start(state, controllers=False, extra_arguments=PLANE) as plane,
        asyncio.Runner() as runner,
    ):
        transport = HttpTransport(load(str(plane.kubeconfig)))
        yield Real(Api(transport)), runner
        runner.run(transport.close())
