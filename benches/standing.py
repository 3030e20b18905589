"""A large cluster that stands still, for the benchmarks of what people look at: nodes and their pods, no kubelets."""

from __future__ import annotations

from kubewright.api.core import NAMESPACES, NODES, PODS
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.rest import RestClient


def node(number: int) -> Manifest:
    """Return a node of one of three zones."""
    name, zone = f"node-{number:04d}", "abc"[number % 3]
    offered = {"cpu": "64", "memory": "256Gi", "pods": "250"}
    conditions = [{"type": "Ready", "status": "True"}]
    labels = {"topology.kubernetes.io/zone": f"zone-{zone}", "kubernetes.io/hostname": name}
    status = {"capacity": offered, "allocatable": offered, "conditions": conditions}
    return {"metadata": {"name": name, "labels": labels}, "status": status}


def pod(number: int, nodes: int) -> Manifest:
    """Return a pod that runs."""
    asks = {"requests": {"cpu": f"{100 + number % 7 * 100}m", "memory": "512Mi"}}
    containers = [{"name": "main", "image": "sim/app", "resources": asks}]
    return {
        "metadata": {"name": f"pod-{number:06d}"},
        "spec": {"containers": containers, "nodeName": f"node-{number % nodes:04d}"},
    }


async def fill(client: RestClient, nodes: int, pods: int) -> None:
    """Make the cluster."""
    await client.create(NAMESPACES, {"metadata": {"name": "default"}})
    for number in range(nodes):
        made = node(number)
        await client.create(NODES, made)
        key, status = ObjectKey("", made["metadata"]["name"]), {"status": made["status"]}
        await client.patch(NODES, key, status, subresource="status")
    for number in range(pods):
        await client.create(PODS, pod(number, nodes), namespace="default")
