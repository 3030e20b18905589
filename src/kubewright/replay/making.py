"""Typed nodes and pods of what a day's nouns say, as the scheduler and its filters take them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectMeta
from kubewright.api.pods import PodSpec
from kubewright.devices.requests import CORES, GPU, MEMORY_SHARE, PRODUCT
from kubewright.replay.workload import Request

WHOLE_MILLI = 1000
_PER_CENT = 10


def node(name: str, cpu_milli: int, memory_mib: int, *, gpus: int = 0, model: str = "", zone: str = "") -> Node:
    """Return a node that is Ready."""
    offered: dict[str, Any] = {"cpu": f"{cpu_milli}m", "memory": f"{memory_mib}Mi", "pods": "250"}
    labels = {"kubernetes.io/hostname": name, **({"topology.kubernetes.io/zone": zone} if zone else {})}
    if gpus:
        offered[GPU] = str(gpus)
        labels[PRODUCT] = model
    # As nearly everywhere, what needs no GPU stays off the nodes that have them.
    taints = [{"key": GPU, "effect": "NoSchedule"}] if gpus else []
    return msgspec.convert(
        {
            "metadata": {"name": name, "labels": labels},
            "spec": {"taints": taints},
            "status": {
                "capacity": offered,
                "allocatable": offered,
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        },
        Node,
    )


def sharing(found: Node) -> Node:
    """Return a node as one that offers parts of its GPUs as well, where it has any."""
    count = int(found.status.allocatable.get(GPU, 0))
    if not count:
        return found
    offered = {**found.status.allocatable, CORES: str(100 * count), MEMORY_SHARE: str(100 * count)}
    return replace(found, status=replace(found.status, allocatable=offered, capacity=offered))


@lru_cache(maxsize=65_536)
def spec(request: Request, *, shares: bool) -> PodSpec:
    """Return what a pod with this request says; without parts of GPUs it takes whole ones."""
    amounts = {"cpu": f"{request.cpu_milli}m", "memory": f"{request.memory_mib}Mi"}
    if request.gpus:
        amounts |= _gpus(request, shares=shares)
    tolerations = [{"key": GPU, "operator": "Exists"}] if request.gpus else []
    content: dict[str, Any] = {
        "containers": [{"name": "main", "image": "replay/main:1", "resources": {"requests": amounts}}],
        "priority": request.priority,
        "tolerations": tolerations,
    }
    if request.models:
        chosen = {"key": PRODUCT, "operator": "In", "values": list(request.models)}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [chosen]}]}
        content["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return msgspec.convert(content, PodSpec)


def _gpus(request: Request, *, shares: bool) -> Mapping[str, str]:
    if not shares or request.gpu_milli >= WHOLE_MILLI:
        return {GPU: str(request.gpus)}
    part = str(-(-request.gpu_milli // _PER_CENT))
    return {MEMORY_SHARE: part, CORES: part}


def pod(team: int, name: str, of: PodSpec) -> Pod:
    """Return a pod that waits for a node."""
    return Pod(metadata=ObjectMeta(name=name, namespace=f"team-{team:02}", uid=name), spec=of)
