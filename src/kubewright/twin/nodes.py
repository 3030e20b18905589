"""Simulated nodes: what they look like, how they join a cluster, and the heartbeats that keep them Ready.

Over nothing but a Client: they join the twin and a real control plane alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES, Node
from kubewright.api.meta import Manifest, ObjectKey, rfc3339, rfc3339_micro
from kubewright.client.protocol import Client, PatchType
from kubewright.clock import Clock
from kubewright.devices.requests import COUNT_LABEL, MEMORY_LABEL, PRODUCT
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Change

KUBELET = "kubelet"
"""The field manager of what nodes write."""
LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
RENEW_SECONDS = 10.0
NOT_READY = "node.kubernetes.io/not-ready"
_VERSION = "v1.37.2"
_NODES_PER_OCTET = 256
_SLOTS = 10
"""Renewals are spread over so many moments of each interval."""


@dataclass(frozen=True, slots=True)
class NodeShape:
    """What nodes of a kind offer."""

    cpu: str = "8"
    memory: str = "32Gi"
    pods: int = 110
    gpus: int = 0
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    zones: Sequence[str] = ("zone-a", "zone-b", "zone-c")
    region: str = "region-1"

    def resources(self) -> dict[str, str]:
        """Return capacity, which is all allocatable."""
        offered = {"cpu": self.cpu, "memory": self.memory, "pods": str(self.pods), "ephemeral-storage": "100Gi"}
        return offered | ({"nvidia.com/gpu": str(self.gpus)} if self.gpus else {})

    def gpu_labels(self) -> dict[str, str]:
        """Return the labels by which GPU feature discovery tells of GPUs."""
        if not self.gpus:
            return {}
        return {
            "nvidia.com/gpu.present": "true",
            COUNT_LABEL: str(self.gpus),
            PRODUCT: "NVIDIA-H100-80GB-HBM3",
            MEMORY_LABEL: "81559",
        }


def node_names(count: int, prefix: str = "node") -> tuple[str, ...]:
    """Return names that sort by number."""
    width = max(2, len(str(count)))
    return tuple(f"{prefix}-{number:0{width}d}" for number in range(1, count + 1))


def node_manifest(name: str, number: int, shape: NodeShape, now: float) -> Manifest:
    """Return a Node as its kubelet registers it; `number`, from 0, decides its zone and addresses."""
    high, low = divmod(number, _NODES_PER_OCTET)
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": shape.zones[number % len(shape.zones)],
        "topology.kubernetes.io/region": shape.region,
        **shape.gpu_labels(),
        **shape.labels,
    }
    cidr = f"10.{128 + high}.{low}.0/24"
    return {
        "apiVersion": NODES.api_version,
        "kind": NODES.kind,
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr], "providerID": f"twin://{name}"},
        "status": {
            "capacity": shape.resources(),
            "allocatable": shape.resources(),
            "conditions": conditions(now),
            "addresses": [
                {"type": "InternalIP", "address": f"172.{16 + high}.{low}.1"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": _node_info(name),
        },
    }


def _node_info(name: str) -> Manifest:
    return {
        "architecture": "amd64",
        "bootID": f"boot-{name}",
        "containerRuntimeVersion": "twin://1.0",
        "kernelVersion": "6.12.0",
        "kubeProxyVersion": "",
        "kubeletVersion": _VERSION,
        "machineID": name,
        "operatingSystem": "linux",
        "osImage": "simulated",
        "systemUUID": name,
    }


def conditions(now: float, *, tight: bool = False) -> list[dict[str, Any]]:
    """Return the conditions of a healthy node, or of one that is short of memory."""
    stamp = rfc3339(now)

    def condition(type_: str, status: str, reason: str, message: str) -> dict[str, Any]:
        times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
        return {"type": type_, "status": status, "reason": reason, "message": message, **times}

    return [
        memory_condition(now, tight=tight),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]


def memory_condition(now: float, *, tight: bool) -> dict[str, Any]:
    """Return what a kubelet says of its node's memory."""
    stamp = rfc3339(now)
    return {
        "type": "MemoryPressure",
        "status": "True" if tight else "False",
        "reason": "KubeletHasInsufficientMemory" if tight else "KubeletHasSufficientMemory",
        "message": f"kubelet has {'insufficient' if tight else 'sufficient'} memory available",
        "lastHeartbeatTime": stamp,
        "lastTransitionTime": stamp,
    }


async def join(client: Client, clock: Clock, names: Iterable[str], shape: NodeShape) -> None:
    """Register nodes, or take over those that are there, and make them schedulable."""
    for number, name in enumerate(names):
        try:
            node = await client.create(NODES, node_manifest(name, number, shape, clock.now()), field_manager=KUBELET)
        except OpError as error:
            if error.kind is not ErrorKind.ALREADY_EXISTS:
                raise
            node = await client.get(NODES, ObjectKey("", name))
        await settle(client, clock, node)


async def settle(client: Client, clock: Clock, node: Node) -> None:
    """Report the node ready, and take off the taint that admission put on, as a cloud's controller does."""
    if not node.is_ready:
        await report_ready(client, clock, node.metadata.name)
    kept = [each for each in node.spec.taints if each.key != NOT_READY]
    if len(kept) != len(node.spec.taints):
        taints = [{"key": each.key, "value": each.value, "effect": each.effect} for each in kept]
        await client.patch(NODES, node.key, {"spec": {"taints": taints or None}}, field_manager=KUBELET)


async def report_ready(client: Client, clock: Clock, name: str, *, tight: bool = False) -> None:
    """Write a node's conditions as those of a healthy one, which may still be short of memory."""
    patch = {"status": {"conditions": conditions(clock.now(), tight=tight)}}
    await client.patch(
        NODES, ObjectKey("", name), patch, PatchType.STRATEGIC, subresource="status", field_manager=KUBELET
    )


class GivenUp(dict[str, None]):
    """The nodes that are not ready by what the cluster says of them, kept by their informer's news."""

    def on_node(self, change: Change[Node]) -> None:
        """Take note of a node."""
        if change.new is None or change.new.is_ready:
            self.pop(change.key.name, None)
        else:
            self[change.key.name] = None


class Renewals(Protocol):
    """A quicker way to renew leases than a request for each."""

    def renew(self, names: Sequence[str], now: float) -> Sequence[str]:
        """Renew the leases of nodes, and return the names of those that it takes a request for."""
        ...


class Heartbeats:
    """Renews the leases of living nodes, and reports a node ready that was given up meanwhile."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        names: Collection[str],
        is_living: Callable[[str], bool],
        given_up: Collection[str],
        *,
        is_tight: Callable[[str], bool] = lambda _: False,
        says_ready: Callable[[str], bool] = lambda _: True,
        renew_seconds: float = RENEW_SECONDS,
        renewals: Renewals | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._names = names
        self._is_living = is_living
        self._given_up = given_up
        self._is_tight = is_tight
        self._says_ready = says_ready
        self._renew_seconds = renew_seconds
        self._renewals = renewals
        self._leased: dict[str, None] = {}

    async def run(self) -> None:
        """Beat until cancelled; a server that is away is tried again at the next beat."""
        slot = 0
        while True:
            names = itertools.islice(self._names, slot, None, _SLOTS)
            await self._beat([name for name in names if self._is_living(name)])
            slot = (slot + 1) % _SLOTS
            await asyncio.sleep(self._renew_seconds / _SLOTS)

    async def _beat(self, names: Sequence[str]) -> None:
        for name in names if self._renewals is None else self._renewals.renew(names, self._clock.now()):
            with contextlib.suppress(OpError):
                await self._renew(name)
        for name in names:
            if name in self._given_up and self._says_ready(name):
                with contextlib.suppress(OpError):
                    await report_ready(self._client, self._clock, name, tight=self._is_tight(name))

    async def _renew(self, name: str) -> None:
        spec = {"renewTime": rfc3339_micro(self._clock.now())}
        key = ObjectKey(LEASE_NAMESPACE, name)
        if name in self._leased:
            try:
                await self._client.patch(LEASES, key, {"spec": spec}, field_manager=KUBELET)
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
                del self._leased[name]
            return
        manifest = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": name, "namespace": LEASE_NAMESPACE},
            "spec": {**spec, "holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS},
        }
        try:
            await self._client.create(LEASES, manifest, namespace=LEASE_NAMESPACE, field_manager=KUBELET)
        except OpError as error:
            if error.kind is not ErrorKind.ALREADY_EXISTS:
                raise
        self._leased[name] = None
