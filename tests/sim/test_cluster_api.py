"""Nodes by Cluster API on a twin: replicas asked for, the right machine marked, bounds kept."""

import asyncio

import msgspec
import pytest

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import NODES
from kubewright.api.crds.nodepool import NODE_POOLS, NodePool
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.api.rights import account
from kubewright.app import Choices, Platform
from kubewright.client.protocol import PatchType
from kubewright.clock import Clock, run_virtual
from kubewright.errors import OpError
from kubewright.nodepools import rights
from kubewright.nodepools.clusterapi import DELETE_FIRST, MACHINE_DEPLOYMENTS, MACHINES, MOST, ClusterApiProvider
from kubewright.nodepools.members import offers_of
from kubewright.twin.access.users import account_user
from kubewright.twin.cluster import Twin
from tests.sim.test_node_pools import LARGE, app, pool

OURS = {"kubewright.dev/node-pool": "web", "node.kubernetes.io/instance-type": "large"}
POOL = msgspec.convert(pool(), NodePool)


def definition(resource):
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    version = {"name": resource.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": resource.plural, "kind": resource.kind, "singular": resource.kind.lower()}
    spec = {"group": resource.group, "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": f"{resource.plural}.{resource.group}"}, "spec": spec}


async def machines(client, nodes, **notes):
    for kind in (MACHINE_DEPLOYMENTS, MACHINES):
        await client.create(CRDS, definition(kind))
    await asyncio.sleep(1)
    head = {"name": "large", "labels": OURS, "annotations": notes}
    deployment = {"metadata": head, "spec": {"replicas": len(nodes)}}
    await client.create(MACHINE_DEPLOYMENTS, deployment, namespace="default")
    for name in nodes:
        labels = {**OURS, "cluster.x-k8s.io/deployment-name": "large"}
        machine = {"metadata": {"name": f"m-{name}", "labels": labels}, "status": {"nodeRef": {"name": name}}}
        await client.create(MACHINES, machine, namespace="default")


async def replicas(client):
    return (await client.get(MACHINE_DEPLOYMENTS, ObjectKey("default", "large"))).spec["replicas"]


async def marked(client):
    found = (await client.list(MACHINES)).items
    return sorted(each.metadata.name for each in found if DELETE_FIRST in each.metadata.annotations)


async def granted(twin):
    for document in account(rights.ACCOUNT, "default", rights.cluster_rules()):
        group, _, version = document["apiVersion"].rpartition("/")
        kind = Resource(group, version, f"{document['kind'].lower()}s", document["kind"], PartialObject)
        await twin.client().create(kind, document, namespace=document["metadata"].get("namespace", ""))
    return account_user(ObjectKey("default", rights.ACCOUNT))


def live(day, nodes=2):
    async def run():
        async with Twin(Clock.virtual(), nodes=nodes, shape=LARGE, seed=1) as twin:
            return await day(twin, twin.client())

    return run_virtual(run())


def test_a_pool_is_kept_by_its_machines_with_no_more_rights_than_it_asks_for():
    async def day(twin, client):
        await machines(client, ["node-01", "node-02"])
        platform = Platform(twin.client(await granted(twin)), twin.clock, choices=Choices(services=("nodes",)))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            await asyncio.sleep(5)
            await client.create(NODE_POOLS, pool())
            await asyncio.sleep(200)
            spared = await replicas(client), await marked(client)
            cordoned = [each.metadata.name for each in (await client.list(NODES)).items if each.spec.unschedulable]
            await client.delete(NODES, ObjectKey("", cordoned[0]))
            await client.delete(MACHINES, ObjectKey("default", f"m-{cordoned[0]}"))
            await client.create(DEPLOYMENTS, app("web", 12), namespace="default")
            await asyncio.sleep(60)
            running.cancel()
        return cordoned, spared, await replicas(client)

    cordoned, spared, later = live(day)
    assert len(cordoned) == 1
    assert spared == (1, [f"m-{cordoned[0]}"])
    assert later == 2


def test_what_is_asked_twice_is_done_once_and_an_interruption_is_made_good():
    async def day(twin, client):
        await machines(client, ["node-01", "node-02"])
        provider = ClusterApiProvider(client, twin.clock)
        node = await client.get(NODES, ObjectKey("", "node-01"))
        mark = {"metadata": {"annotations": {DELETE_FIRST: "true"}}}
        await client.patch(MACHINES, ObjectKey("default", "m-node-01"), mark, PatchType.MERGE)
        await provider.give_back(POOL, node)
        first = await replicas(client)
        await provider.give_back(POOL, node)
        return first, await replicas(client), await marked(client)

    assert live(day) == (1, 1, ["m-node-01"])


def test_bounds_and_what_is_missing_are_said():
    async def day(twin, client):
        provider = ClusterApiProvider(client, twin.clock)
        small, large = list(offers_of(POOL))
        with pytest.raises(OpError, match="no MachineDeployment is labelled"):
            await provider.launch(large)
        await machines(client, ["node-01", "node-02"], **{MOST: "3"})
        await provider.launch(large)
        coming = [each.offer.type.name for each in await provider.coming([POOL])]
        with pytest.raises(OpError, match="may have 3 machines at most"):
            await provider.launch(large)
        with pytest.raises(OpError, match="instance-type=small"):
            await provider.launch(small)
        return coming, await replicas(client)

    assert live(day) == (["large"], 3)
