"""GPUPolicies on a twin, under virtual time, with somebody who does what NVIDIA's MIG manager does."""

import asyncio

from kubewright.api.conditions import find_condition
from kubewright.api.core import CONFIG_MAPS, NAMESPACES, NODES, PODS
from kubewright.api.crds.gpupolicy import GPU_POLICIES
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.client.protocol import PatchType
from kubewright.clock import Clock, run_virtual
from kubewright.gpu.configs import MIG_LABEL, STATE_LABEL
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "pool": "train"}
POLICY = {
    "apiVersion": "kubewright.dev/v1alpha1",
    "kind": "GPUPolicy",
    "metadata": {"name": "train"},
    "spec": {
        "nodeSelector": {"pool": "train"},
        "mode": "MIG",
        "profiles": [{"name": "1g.5gb", "count": 7}, {"name": "3g.20gb"}],
        "repartition": True,
    },
}


async def manage(client, outcome="success"):
    """Set the state of every node whose configuration was changed."""
    for node in (await client.list(NODES)).items:
        if node.metadata.labels.get(MIG_LABEL) and not node.metadata.labels.get(STATE_LABEL):
            labels = {"metadata": {"labels": {STATE_LABEL: outcome}}}
            await client.patch(NODES, node.key, labels, PatchType.MERGE)


def live(day):
    async def run():
        shape = NodeShape(gpus=1, labels=A100)
        async with Twin(Clock.virtual(), nodes=2, shape=shape, seed=1) as twin, asyncio.TaskGroup() as tasks:
            client = twin.client()
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gpu-operator"}}
            await client.create(NAMESPACES, namespace)
            running = tasks.create_task(Platform(client, twin.clock, choices=Choices(services=("gpu",))).run())
            await asyncio.sleep(5)
            found = await day(client)
            running.cancel()
            return found

    return run_virtual(run())


def test_a_pool_is_partitioned_and_then_anew_for_a_pod_that_waits():
    async def day(client):
        await client.create(GPU_POLICIES, POLICY)
        await asyncio.sleep(5)
        await manage(client)
        await asyncio.sleep(5)
        first = await client.get(GPU_POLICIES, ObjectKey("", "train"))
        limits = {"limits": {"nvidia.com/mig-3g.20gb": "1"}}
        container = {"name": "c", "image": "app:1", "resources": limits}
        pod = {"metadata": {"name": "big", "namespace": "default"}, "spec": {"containers": [container]}}
        await client.create(PODS, pod, namespace="default")
        await asyncio.sleep(60)
        nodes = (await client.list(NODES)).items
        file = await client.get(CONFIG_MAPS, ObjectKey("gpu-operator", "kubewright-mig-train"))
        return first, {node.metadata.labels[MIG_LABEL] for node in nodes}, file

    first, configs, file = live(day)
    ready = find_condition(first.status.conditions, "Ready")
    assert (ready.status, ready.reason) == ("True", "Following")
    assert (first.status.nodes, first.status.following) == (2, 2)
    assert len(configs) == 2
    assert all(name in file.data["config.yaml"] for name in configs)


def test_a_partitioning_that_fails_is_a_condition_and_is_left_as_it_is():
    async def day(client):
        await client.create(GPU_POLICIES, POLICY)
        await asyncio.sleep(5)
        await manage(client, "failed")
        await asyncio.sleep(120)
        return await client.get(GPU_POLICIES, ObjectKey("", "train"))

    policy = live(day)
    ready = find_condition(policy.status.conditions, "Ready")
    assert (ready.status, ready.reason) == ("False", "PartitioningFailed")
    assert policy.status.following == 0
