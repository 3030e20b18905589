"""Days of claims and of the volumes that are made for them."""

import asyncio

from kubewright.api.apps import STATEFUL_SETS
from kubewright.api.core import EVENTS, NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import CLAIMS, STORAGE_CLASSES, VOLUMES
from kubewright.twin.controllers.volumes.provisioner import PROVISIONER
from tests.sim.build import run

ZONE = "topology.kubernetes.io/zone"


def storage_class(mode="WaitForFirstConsumer", **fields):
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "disk"},
        "provisioner": PROVISIONER,
        "volumeBindingMode": mode,
        **fields,
    }


def claim(name="data", size="1Gi"):
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "resources": {"requests": {"storage": size}}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def stateful_set(replicas=3, **spec):
    template = {
        "metadata": {"labels": {"app": "db"}},
        "spec": {"containers": [{"name": "main", "image": "db:1"}], "terminationGracePeriodSeconds": 1},
    }
    claims = [{"metadata": {"name": "data"}, "spec": claim()["spec"]}]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template,
            "volumeClaimTemplates": claims,
            **spec,
        },
    }


async def phases(day):
    return {each.metadata.name: each.status.phase for each in (await day.client.list(CLAIMS)).items}


async def all_ready(day, count):
    async def ready():
        return len(await day.ready("db")) == count

    await day.until(ready)


def test_every_pod_of_a_stateful_set_has_a_volume_in_the_zone_where_it_runs():
    async def day(day):
        await day.create(STORAGE_CLASSES, storage_class())
        await day.create(STATEFUL_SETS, stateful_set())
        await all_ready(day, 3)
        assert await phases(day) == {"data-db-0": "Bound", "data-db-1": "Bound", "data-db-2": "Bound"}
        nodes = {each.metadata.name: each for each in (await day.client.list(NODES)).items}
        volumes = {each.spec.claim_ref.name: each for each in (await day.client.list(VOLUMES)).items}
        for pod in await day.pods("db"):
            assert volumes[f"data-{pod.metadata.name}"].is_reachable_from(nodes[pod.spec.node_name].metadata.labels)

    run(day)


def test_a_pod_that_comes_back_goes_where_its_volume_is_or_waits():
    async def day(day):
        await day.create(STORAGE_CLASSES, storage_class())
        await day.create(STATEFUL_SETS, stateful_set(1))
        await all_ready(day, 1)
        (pod,) = await day.pods("db")
        home = pod.spec.node_name
        await day.client.patch(NODES, ObjectKey("", home), {"spec": {"unschedulable": True}})
        await day.client.delete(PODS, pod)
        await asyncio.sleep(30)
        (pod,) = await day.pods("db")
        assert not pod.spec.node_name
        (message,) = [each.message for each in pod.status.conditions if each.type == "PodScheduled"]
        assert "2 node(s) didn't match PersistentVolume's node affinity" in message
        await day.client.patch(NODES, ObjectKey("", home), {"spec": {"unschedulable": None}})
        await all_ready(day, 1)
        assert (await day.pods("db"))[0].spec.node_name == home

    run(day)


def test_a_volume_goes_with_its_claim_or_stays():
    async def day(day):
        for policy, left in (("Delete", 0), ("Retain", 1)):
            await day.create(STORAGE_CLASSES, storage_class("Immediate", reclaimPolicy=policy))
            await day.create(CLAIMS, claim())
            await asyncio.sleep(5)
            assert await phases(day) == {"data": "Bound"}
            await day.client.delete(CLAIMS, ObjectKey("default", "data"))
            await asyncio.sleep(5)
            assert [each.status.phase for each in (await day.client.list(VOLUMES)).items] == ["Released"] * left
            await day.client.delete(STORAGE_CLASSES, ObjectKey("", "disk"))

    run(day)


def test_a_claim_grows_when_its_class_lets_it():
    async def day(day):
        await day.create(STORAGE_CLASSES, storage_class("Immediate", allowVolumeExpansion=True))
        await day.create(CLAIMS, claim())
        await asyncio.sleep(5)
        key = ObjectKey("default", "data")
        await day.client.patch(CLAIMS, key, {"spec": {"resources": {"requests": {"storage": "4Gi"}}}})
        await asyncio.sleep(5)
        assert (await day.client.get(CLAIMS, key)).status.capacity == {"storage": "4Gi"}
        (volume,) = (await day.client.list(VOLUMES)).items
        assert volume.spec.capacity == {"storage": "4Gi"}

    run(day)


def test_claims_go_with_pods_that_are_not_wanted_and_with_the_set_when_that_is_asked_for():
    async def day(day):
        await day.create(STORAGE_CLASSES, storage_class(reclaimPolicy="Delete"))
        policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
        await day.create(STATEFUL_SETS, stateful_set(persistentVolumeClaimRetentionPolicy=policy))
        await all_ready(day, 3)
        key = ObjectKey("default", "db")
        await day.client.patch(STATEFUL_SETS, key, {"spec": {"replicas": 1}})
        await asyncio.sleep(60)
        assert list(await phases(day)) == ["data-db-0"]
        await day.client.delete(STATEFUL_SETS, key)
        await asyncio.sleep(60)
        assert not await phases(day)
        assert not (await day.client.list(VOLUMES)).items

    run(day)


def test_a_pod_whose_volume_nobody_makes_is_given_up_and_tried_again():
    async def day(day):
        manifest = storage_class()
        manifest["provisioner"] = "example.com/nobody"
        await day.create(STORAGE_CLASSES, manifest)
        await day.create(STATEFUL_SETS, stateful_set(1))
        await asyncio.sleep(700)
        failed = (await day.client.list(EVENTS, field_selector="reason=FailedScheduling")).items
        assert any("binding volumes: context deadline exceeded" in each.message for each in failed)
        assert not (await day.pods("db"))[0].spec.node_name

    run(day)
