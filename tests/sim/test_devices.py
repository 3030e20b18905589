"""Devices by claims on a twin, under virtual time: nothing is given twice, and what goes wrong is given back."""

import asyncio

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.api.resourceclaims import DEVICE_CLASSES, FINALIZER, RESOURCE_CLAIMS, RESOURCE_SLICES
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.cluster import Twin

NAME = "kubewright-scheduler"
DRIVER = "gpu.example.com"


class Refusing:
    """A client whose first bindings fail, as told, after the server did what it was asked or before."""

    def __init__(self, client, times, *, after=False):
        self._client, self._times, self._after = client, times, after

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def create(self, resource, manifest, **options):
        fails = options.get("subresource") == "binding" and self._times > 0
        if fails:
            self._times -= 1
        made = None
        if not fails or self._after:
            made = await self._client.create(resource, manifest, **options)
        if fails:
            raise OpError("client.create", ErrorKind.UNAVAILABLE, "Pod", "the connection broke")
        return made


def live(day, *, nodes=3, client=None, devices=2):
    async def run():
        async with Twin(Clock.virtual(), nodes=nodes, seed=1) as twin, asyncio.TaskGroup() as tasks:
            admin = twin.client()
            through = client(twin.client()) if client else twin.client()
            platform = Platform(through, twin.clock, choices=Choices(services=("scheduler",)))
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  several informers make it so
                await asyncio.sleep(0.1)
            await admin.create(DEVICE_CLASSES, {"metadata": {"name": "gpu"}, "spec": {}})
            for number in range(1, nodes + 1):
                await admin.create(RESOURCE_SLICES, sliced(f"node-0{number}", devices))
            found = await day(admin)
            running.cancel()
            return found

    return run_virtual(run())


def sliced(node, devices):
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    listed = [{"name": f"d{number}"} for number in range(devices)]
    return {
        "metadata": {"name": node},
        "spec": {"driver": DRIVER, "pool": pool, "nodeName": node, "devices": listed},
    }


async def claim(client, name, count=1):
    requests = [{"name": "r", "exactly": {"deviceClassName": "gpu", "count": count}}]
    document = {"metadata": {"name": name}, "spec": {"devices": {"requests": requests}}}
    await client.create(RESOURCE_CLAIMS, document, namespace="default")


async def pod(client, name, *claims, **spec):
    container = {"name": "main", "image": "app:1"}
    wanted = [{"name": f"c{number}", "resourceClaimName": each} for number, each in enumerate(claims)]
    spec = {"schedulerName": NAME, "containers": [container], "resourceClaims": wanted, **spec}
    await client.create(PODS, {"metadata": {"name": name}, "spec": spec}, namespace="default")


async def claims(client):
    return {each.metadata.name: each for each in (await client.list(RESOURCE_CLAIMS, namespace="default")).items}


async def pods(client):
    return {each.metadata.name: each for each in (await client.list(PODS, namespace="default")).items}


def given(found):
    return [
        (each.pool, each.device)
        for one in found.values()
        if one.status.allocation
        for each in one.status.allocation.devices.results
    ]


def test_many_pods_at_once_are_given_no_device_twice():
    async def day(client):
        for number in range(9):
            await claim(client, f"c{number}")
            await pod(client, f"p{number}", f"c{number}")
        await asyncio.sleep(30)
        return await claims(client), await pods(client)

    found, there = live(day)
    assert len(given(found)) == len(set(given(found))) == 6
    assert sum(each.is_ready for each in there.values()) == 6
    for each in found.values():
        allocation = each.status.allocation
        reserved = [there[one.name] for one in each.status.reserved_for]
        assert (allocation is None) == (not reserved)
        assert all(one.spec.node_name == allocation.devices.results[0].pool for one in reserved)


def test_two_claims_of_a_pod_are_served_on_one_node():
    async def day(client):
        await claim(client, "a")
        await claim(client, "b")
        await pod(client, "p", "a", "b")
        await asyncio.sleep(10)
        return await claims(client), await pods(client)

    found, there = live(day)
    assert {pool for pool, _ in given(found)} == {there["p"].spec.node_name}
    assert len(set(given(found))) == 2


def test_a_binding_that_fails_gives_the_devices_back():
    async def day(client):
        await claim(client, "c", count=2)
        await pod(client, "p", "c", nodeSelector={"kubernetes.io/hostname": "node-02"})
        await asyncio.sleep(0.5)
        before = (await claims(client))["c"]
        await asyncio.sleep(20)
        return before, (await claims(client))["c"], (await pods(client))["p"]

    before, after, there = live(day, client=lambda inner: Refusing(inner, 1))
    assert (before.status.allocation, before.status.reserved_for) == (None, ())
    assert there.is_ready
    assert [each.pool for each in after.status.allocation.devices.results] == ["node-02", "node-02"]


def test_a_binding_that_only_seemed_to_fail_keeps_its_devices():
    async def day(client):
        await claim(client, "c")
        await pod(client, "p", "c")
        await asyncio.sleep(20)
        return (await claims(client))["c"], (await pods(client))["p"]

    found, there = live(day, client=lambda inner: Refusing(inner, 1, after=True))
    assert there.is_ready
    assert found.is_reserved_for(there.metadata.uid)
    assert FINALIZER in found.metadata.finalizers


def test_a_claim_that_was_left_where_its_pod_cannot_run_moves():
    async def day(client):
        await claim(client, "c")
        await pod(client, "first", "c", nodeSelector={"kubernetes.io/hostname": "node-01"})
        await asyncio.sleep(5)
        left = (await claims(client))["c"].status.allocation.devices.results[0].pool
        # Whoever reserved it is gone, and nobody has freed it.
        await client.delete(PODS, ObjectKey("default", "first"))
        await pod(client, "second", "c", nodeSelector={"kubernetes.io/hostname": "node-03"})
        await asyncio.sleep(60)
        return left, (await claims(client))["c"], (await pods(client))["second"]

    left, found, there = live(day)
    assert left == "node-01"
    assert there.spec.node_name == "node-03"
    assert [each.pool for each in found.status.allocation.devices.results] == ["node-03"]


def test_devices_that_are_added_are_news_to_those_that_wait():
    async def day(client):
        await claim(client, "c", count=3)
        await pod(client, "p", "c")
        await asyncio.sleep(10)
        waited = (await pods(client))["p"].spec.node_name
        bigger = sliced("node-02", 3)
        bigger["spec"]["pool"]["generation"] = 2
        bigger["metadata"]["name"] = "node-02-more"
        await client.create(RESOURCE_SLICES, bigger)
        await asyncio.sleep(20)
        return waited, (await pods(client))["p"].spec.node_name

    assert live(day) == ("", "node-02")


def test_a_claim_that_nobody_can_decide_upon_holds_up_nobody_else():
    async def day(client):
        wrong = {"selectors": [{"cel": {"expression": "device.attributes['gpu.example.com'].none == 1"}}]}
        await client.create(DEVICE_CLASSES, {"metadata": {"name": "wrong"}, "spec": wrong})
        requests = [{"name": "r", "exactly": {"deviceClassName": "wrong"}}]
        document = {"metadata": {"name": "w"}, "spec": {"devices": {"requests": requests}}}
        await client.create(RESOURCE_CLAIMS, document, namespace="default")
        await claim(client, "c")
        await pod(client, "w", "w")
        await pod(client, "p", "c")
        await asyncio.sleep(20)
        return await pods(client)

    there = live(day)
    assert there["p"].is_ready
    told = next(each for each in there["w"].status.conditions if each.type == "PodScheduled")
    assert "CEL runtime error: no such key: none" in told.message
