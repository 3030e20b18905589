"""GPUPolicies on a twin, under virtual time, with somebody who does what NVIDIA's MIG manager does."""

import asyncio

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import find_condition
from kubewright.api.core import CONFIG_MAPS, NAMESPACES, NODES, PODS
from kubewright.api.crds.gpupolicy import GPU_POLICIES
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.api.rights import account
from kubewright.app import Choices, Platform
from kubewright.client.protocol import PatchType
from kubewright.clock import Clock, run_virtual
from kubewright.gpu import rights as gpu_rights
from kubewright.gpu.configs import LAYOUT, MIG_LABEL, STATE_LABEL, read_layout
from kubewright.twin.access.users import account_user
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


async def offer(client):
    """Do what MIG manager and device plugin do on nodes without pods: cut GPUs as they are told, and offer that."""
    pods = (await client.list(PODS)).items
    for node in (await client.list(NODES)).items:
        busy = any(each.spec.node_name == node.metadata.name and not each.is_finished for each in pods)
        layout = read_layout(node.metadata.annotations.get(LAYOUT, "")) or ()
        offered = {f"nvidia.com/mig-{name}": str(count) for each in layout for name, count in each.items()}
        there = {name: text for name, text in node.status.allocatable.items() if name.startswith("nvidia.com/mig-")}
        if busy and there:
            continue
        amounts = {**dict.fromkeys(there), **offered}
        changes = {"status": {"allocatable": amounts, "capacity": amounts}}
        await client.patch(NODES, node.key, changes, PatchType.MERGE, subresource="status")
        labels = {"metadata": {"labels": {STATE_LABEL: "success"}}}
        await client.patch(NODES, node.key, labels, PatchType.MERGE)


def using(name, resource):
    container = {"name": "c", "image": "app:1", "resources": {"limits": {resource: "1"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def live(day, rights=False):
    async def run():
        shape = NodeShape(gpus=1, labels=A100)
        async with Twin(Clock.virtual(), nodes=2, shape=shape, seed=1) as twin, asyncio.TaskGroup() as tasks:
            client = twin.client()
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gpu-operator"}}
            await client.create(NAMESPACES, namespace)
            through = twin.client(await granted(twin)) if rights else client
            running = tasks.create_task(Platform(through, twin.clock, choices=Choices(services=("gpu",))).run())
            await asyncio.sleep(5)
            found = await day(client)
            running.cancel()
            return found

    return run_virtual(run())


async def granted(twin):
    """Make the service's own account, with no more rights than it asks for."""
    for document in account(gpu_rights.ACCOUNT, "default", gpu_rights.cluster_rules()):
        group, _, version = document["apiVersion"].rpartition("/")
        kind = Resource(group, version, f"{document['kind'].lower()}s", document["kind"], PartialObject)
        await twin.client().create(kind, document, namespace=document["metadata"].get("namespace", ""))
    return account_user(ObjectKey("default", gpu_rights.ACCOUNT))


def test_a_node_is_emptied_for_a_pod_that_fits_nowhere_else_and_nothing_busy_is_cut():
    async def day(client):
        spec = {**POLICY["spec"], "migrationBudget": 2}
        await client.create(GPU_POLICIES, {**POLICY, "spec": spec})
        await asyncio.sleep(5)
        await offer(client)
        for name in ("one", "two"):
            await client.create(DEPLOYMENTS, using(name, "nvidia.com/mig-1g.5gb"), namespace="default")
        await asyncio.sleep(20)
        before = {each.metadata.labels["app"]: each.spec.node_name for each in (await client.list(PODS)).items}
        await client.create(DEPLOYMENTS, using("big", "nvidia.com/mig-3g.20gb"), namespace="default")
        for _ in range(20):
            await asyncio.sleep(10)
            await offer(client)
        return before, (await client.list(PODS)).items, (await client.list(NODES)).items

    before, pods, nodes = live(day, rights=True)
    assert len(set(before.values())) == 2
    after = {each.metadata.labels["app"]: each.spec.node_name for each in pods if each.is_ready}
    assert set(after) == {"one", "two", "big"}
    assert after["one"] == after["two"] != after["big"]
    assert not any(node.spec.unschedulable for node in nodes)


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
