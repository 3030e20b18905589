"""Kubelets under virtual time: what they take, refuse, wait for, kill and evict."""

import asyncio

import pytest

from kubewright.api.conditions import find_condition
from kubewright.api.core import EVENTS, NODES, PODS, SECRETS
from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.kubelet.faults import READINESS, ContainerTrouble, OnContainers, pod_like
from tests.sim.build import run

PROBE = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 10}


def pod(name, *, notes=None, on="", **container):
    spec = {"containers": [{"name": "main", "image": "shop/web:1", **container}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "annotations": notes or {}},
        "spec": spec | ({"nodeName": on} if on else {}),
    }


async def get(day, name):
    return await day.client.get(PODS, ObjectKey("default", name))


async def told(day, reason):
    return [each.message for each in (await day.client.list(EVENTS)).items if each.reason == reason]


def memory(amount, **more):
    return {"twin.kubewright.dev/memory": amount, **more}


def test_a_container_over_its_limit_is_killed_again_and_again():
    async def day(day):
        limits = {"resources": {"limits": {"memory": "64Mi"}}}
        await day.create(PODS, pod("greedy", notes=memory("100Mi"), **limits))
        await day.create(PODS, pod("modest", notes=memory("50Mi"), **limits))
        await asyncio.sleep(60)
        greedy, modest = await get(day, "greedy"), await get(day, "modest")
        (status,) = greedy.status.container_statuses
        assert status.last_state.terminated.reason == "OOMKilled"
        assert status.restart_count >= 2
        assert (modest.is_ready, modest.restart_count) == (True, 0)

    run(day)


def test_a_node_short_of_memory_evicts_says_so_and_recovers():
    async def day(day):
        for name, amount in (("large", "20Gi"), ("small", "13Gi")):
            await day.create(PODS, pod(name, notes=memory(amount), on="node-01"))
        await asyncio.sleep(30)
        large, small = await get(day, "large"), await get(day, "small")
        assert (large.status.phase, large.status.reason, small.status.phase) == ("Failed", "Evicted", "Running")
        assert large.status.message.startswith("The node was low on resource: memory. Threshold quantity: 100Mi, ")
        assert find_condition(large.status.conditions, "DisruptionTarget").reason == "TerminationByKubelet"
        assert await told(day, "Evicted") == [large.status.message]
        node = await day.client.get(NODES, ObjectKey("", "node-01"))
        assert find_condition(node.status.conditions, "MemoryPressure").is_true
        assert "node.kubernetes.io/memory-pressure" in {taint.key for taint in node.spec.taints}
        await day.create(PODS, pod("late", on="node-01"))
        await asyncio.sleep(300)
        late = await get(day, "late")
        assert (late.status.phase, late.status.reason) == ("Failed", "Evicted")
        node = await day.client.get(NODES, ObjectKey("", "node-01"))
        assert not find_condition(node.status.conditions, "MemoryPressure").is_true
        assert not node.spec.taints

    run(day)


def test_a_node_short_of_memory_still_says_so_when_it_is_heard_of_again():
    async def day(day):
        for name, amount in (("large", "20Gi"), ("small", "13Gi")):
            await day.create(PODS, pod(name, notes=memory(amount), on="node-01"))
        await asyncio.sleep(30)
        day.twin.kubelet.kill_node("node-01")
        await asyncio.sleep(90)
        node = await day.client.get(NODES, ObjectKey("", "node-01"))
        assert [each.status for each in node.status.conditions] == ["Unknown"] * 4
        day.twin.kubelet.revive_node("node-01")
        await asyncio.sleep(20)
        node = await day.client.get(NODES, ObjectKey("", "node-01"))
        assert node.is_ready
        assert find_condition(node.status.conditions, "MemoryPressure").is_true
        await asyncio.sleep(300)
        node = await day.client.get(NODES, ObjectKey("", "node-01"))
        assert not find_condition(node.status.conditions, "MemoryPressure").is_true

    run(day)


def test_a_pod_that_does_not_fit_is_rejected_by_the_node():
    async def day(day):
        await day.create(PODS, pod("big", on="node-01", resources={"requests": {"cpu": "9"}}))
        await asyncio.sleep(5)
        big = await get(day, "big")
        text = "Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 8000"
        assert (big.status.phase, big.status.reason) == ("Failed", "OutOfcpu")
        assert big.status.message == f"Pod was rejected: {text}"
        assert await told(day, "OutOfcpu") == [text]

    run(day)


def test_a_pod_waits_for_what_it_refers_to():
    async def day(day):
        source = {"secretKeyRef": {"name": "token", "key": "value"}}
        await day.create(PODS, pod("web", env=[{"name": "TOKEN", "valueFrom": source}]))
        await asyncio.sleep(30)
        (status,) = (await get(day, "web")).status.container_statuses
        assert status.state.waiting.reason == "CreateContainerConfigError"
        assert status.state.waiting.message == 'secret "token" not found'
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "namespace": "default"}}
        await day.create(SECRETS, {**secret, "stringData": {"value": "x"}})
        await asyncio.sleep(30)
        assert (await get(day, "web")).is_ready

    run(day)


def test_probes_that_pass_cost_nothing_and_one_that_fails_is_noticed():
    async def day(day):
        probes = {"readinessProbe": PROBE, "livenessProbe": PROBE, "startupProbe": PROBE}
        await day.create(PODS, pod("web", **probes))
        await asyncio.sleep(30)
        before = await get(day, "web")
        assert before.is_ready
        await asyncio.sleep(3600)
        assert (await get(day, "web")).metadata.resource_version == before.metadata.resource_version
        trouble = ContainerTrouble(failing_probes=frozenset({READINESS}))
        day.twin.kubelet.inject("probe", OnContainers(pod_like("web"), trouble))
        await asyncio.sleep(31)
        assert not (await get(day, "web")).is_ready
        assert "Readiness probe failed: HTTP probe failed with statuscode: 503" in await told(day, "Unhealthy")
        day.twin.kubelet.lift("probe")
        await asyncio.sleep(11)
        assert (await get(day, "web")).is_ready

    run(day)


def test_a_deleted_pod_shows_its_end_before_it_is_gone():
    async def day(day):
        hook = {"preStop": {"exec": {"command": ["sh", "-c", "sleep 5"]}}}
        await day.create(PODS, pod("web", lifecycle=hook))
        await asyncio.sleep(10)
        await day.client.delete(PODS, ObjectKey("default", "web"))
        await asyncio.sleep(4.5)
        assert (await get(day, "web")).is_terminating
        await asyncio.sleep(3)
        with pytest.raises(OpError) as raised:
            await get(day, "web")
        assert raised.value.kind is ErrorKind.NOT_FOUND
        changes = day.twin.server.store.changes_since(("", "pods"), day.twin.server.store.compacted_revision)
        last = [change.record.obj["status"] for change in changes][-1]
        assert last["phase"] == "Succeeded"
        assert last["containerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"

    run(day)
