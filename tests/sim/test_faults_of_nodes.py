"""Faults of nodes: what the node says, what becomes of its pods, and that it is as before when they are lifted."""

import asyncio

import pytest

from kubewright.api.conditions import find_condition
from kubewright.api.coordination import LEASES
from kubewright.api.core import EVENTS, NODES, PODS
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS
from kubewright.twin.nodes import NodeShape
from tests.sim.build import run
from tests.sim.faulty import inject, lift, status

NODE = ObjectKey("", "node-01")
ONE = {"nodes": {"names": ["node-01"]}}


async def conditions(day, key=NODE):
    node = await day.client.get(NODES, key)
    return {each.type: each.status for each in node.status.conditions}


async def said(day, type_, key=NODE):
    return find_condition((await day.client.get(NODES, key)).status.conditions, type_)


async def taints(day, key=NODE):
    return {(each.key, each.effect) for each in (await day.client.get(NODES, key)).spec.taints}


async def reasons(day):
    return {each.reason for each in (await day.client.list(EVENTS)).items}


async def deployed(day, replicas=6):
    await day.deploy("web", replicas=replicas)
    await day.until_complete("web")
    return [each for each in await day.pods("web") if each.spec.node_name == NODE.name]


async def well_again(day, before):
    async def well():
        return await conditions(day) == before and not await taints(day)

    await day.until(well, 60)
    await day.until_complete("web", 120)


@pytest.mark.parametrize("type_", ["NodeDown", "KubeletHung", "NodePartitioned", "CertificateExpiry"])
def test_a_node_that_falls_silent_is_given_up_and_comes_back(type_):
    async def day(day):
        before = await conditions(day)
        (first, *_) = await deployed(day)
        await inject(day, "silence", type_, ONE)
        assert (await status(day, "silence")).targets == ("node-01",)
        lease = ObjectKey("kube-node-lease", NODE.name)
        renewed = (await day.client.get(LEASES, lease)).spec.renew_time
        await asyncio.sleep(60)
        assert (await day.client.get(LEASES, lease)).spec.renew_time == renewed
        assert (await conditions(day))["Ready"] == "Unknown"
        assert ("node.kubernetes.io/unreachable", "NoExecute") in await taints(day)
        assert (await conditions(day, ObjectKey("", "node-02")))["Ready"] == "True"
        pod = await day.client.get(PODS, first.key)
        assert (pod.status.phase, pod.is_ready) == ("Running", False)
        await lift(day, "silence")
        await well_again(day, before)
        pod = await day.client.get(PODS, first.key)
        assert pod.restart_count == (1 if type_ == "NodeDown" else 0), "only a node that was down starts anew"

    run(day)


def test_what_ran_on_a_silent_node_is_replaced_elsewhere_after_its_toleration():
    async def day(day):
        gone = {each.metadata.name for each in await deployed(day)}
        await inject(day, "silence", "NodePartitioned", ONE)
        await asyncio.sleep(400)
        ready = await day.ready("web")
        assert len(ready) == 6
        assert all(each.spec.node_name != NODE.name for each in ready)
        still = [each for each in await day.pods("web") if each.metadata.name in gone]
        assert still, "their node cannot confirm that they are gone"
        assert all(each.is_terminating for each in still)
        await lift(day, "silence")
        await asyncio.sleep(60)
        assert len(await day.pods("web")) == 6

    run(day)


def test_a_full_disk_puts_the_node_under_pressure_and_keeps_images_away():
    async def day(day):
        before = await conditions(day)
        await deployed(day)
        await inject(day, "full", "DiskFull", ONE)
        assert (await conditions(day))["DiskPressure"] == "True"
        await asyncio.sleep(2)
        assert ("node.kubernetes.io/disk-pressure", "NoSchedule") in await taints(day)
        assert "NodeHasDiskPressure" in await reasons(day)
        await lift(day, "full")
        await well_again(day, before)

    run(day)


def test_a_skewed_clock_is_told_of_and_comes_right():
    async def day(day):
        await inject(day, "skew", "ClockSkew", ONE, clockSkew={"seconds": 300})
        found = await said(day, "NTPProblem")
        assert (found.status, found.reason, found.message) == ("True", "NTPIsDown", "the clock is off by 300 s")
        await lift(day, "skew")
        assert (await said(day, "NTPProblem")).status == "False"
        assert (await said(day, "Ready")).status == "True"

    run(day)


def gpus_day(day):
    return run(day, shape=NodeShape(gpus=4))


@pytest.mark.parametrize(
    ("type_", "parameters", "reason", "left"),
    [
        ("GpuXid", {"gpuXid": {"code": 79, "device": 1}}, "NvidiaXID79Error", "3"),
        ("GpuXid", {"gpuXid": {"code": 31}}, "NvidiaXID31Error", "4"),
        ("GpuXid", {"gpuXid": {"code": 79, "device": 9}}, "NvidiaXID79Error", "4"),
        ("GpuEcc", {}, "NvidiaDoubleBitError", "3"),
        ("GpuEcc", {"gpuEcc": {"errors": "Correctable"}}, None, "4"),
    ],
    ids=["a lost GPU", "an application's error", "a GPU that is not there", "lost bits", "corrected bits"],
)
def test_a_broken_gpu_is_told_of_and_taken_out_of_use(type_, parameters, reason, left):
    async def day(day):
        await inject(day, "gpu", type_, ONE, **parameters)
        found = await said(day, "AcceleratedHardwareReady")
        assert (found.reason if found else None) == reason
        assert (found.status if found else None) == ("False" if reason else None)
        node = await day.client.get(NODES, NODE)
        assert (node.status.allocatable["nvidia.com/gpu"], node.status.capacity["nvidia.com/gpu"]) == (left, "4")
        await lift(day, "gpu")
        node = await day.client.get(NODES, NODE)
        assert node.status.allocatable["nvidia.com/gpu"] == "4"
        assert reason is None or (await said(day, "AcceleratedHardwareReady")).status == "True"

    gpus_day(day)


def test_two_faults_of_a_node_are_lifted_each_for_itself():
    async def day(day):
        for device in (0, 1):
            await inject(day, f"gpu-{device}", "GpuXid", ONE, gpuXid={"device": device})
        assert (await day.client.get(NODES, NODE)).status.allocatable["nvidia.com/gpu"] == "2"
        await lift(day, "gpu-1")
        assert (await day.client.get(NODES, NODE)).status.allocatable["nvidia.com/gpu"] == "3"
        assert (await said(day, "AcceleratedHardwareReady")).message == "XID 79 on GPU 0"

    gpus_day(day)


def test_a_slow_disk_delays_what_starts():
    async def seconds(day, name):
        await day.deploy(name, replicas=1, image=f"shop/{name}:1")
        await day.until_complete(name)
        (pod,) = await day.pods(name)
        ready = find_condition(pod.status.conditions, "Ready").last_transition_time
        return parse_time(ready) - parse_time(pod.metadata.creation_timestamp)

    async def day(day):
        usual = await seconds(day, "usual")
        await inject(day, "slow", "SlowDisk", {"nodes": {}}, slowDisk={"factor": 20})
        assert await seconds(day, "slow") > 5 * max(usual, 1)
        await lift(day, "slow")
        assert await seconds(day, "later") <= 4

    run(day)


def test_one_of_many_nodes_is_chosen_by_the_seed():
    async def day(day):
        chosen = set()
        for seed in range(6):
            await inject(day, "one", "NodeDown", {"nodes": {}, "count": 1}, seed=seed)
            shown = await status(day, "one")
            assert (shown.matched, shown.hit) == (3, 1)
            chosen.update(shown.targets)
            await lift(day, "one")
        assert len(chosen) > 1

    run(day)


def test_a_loaded_twin_has_its_faults_and_a_node_comes_back_when_they_are_lifted():
    async def day(day):
        await inject(day, "down", "NodeDown", ONE)
        await asyncio.sleep(60)
        loaded = Twin.loaded(day.twin.clock, day.twin.server.store.fork())
        async with loaded:
            other = type(day)(loaded)
            await asyncio.sleep(30)
            assert (await conditions(other))["Ready"] == "Unknown"
            await lift(other, "down")
            await asyncio.sleep(30)
            assert (await conditions(other))["Ready"] == "True"
            assert (await conditions(day))["Ready"] == "Unknown"

    run(day)


def test_a_node_that_a_fault_no_longer_means_comes_back_while_the_fault_goes_on():
    async def day(day):
        await day.client.patch(NODES, NODE, {"metadata": {"labels": {"doomed": "yes"}}})
        before = await conditions(day)
        (first, *_) = await deployed(day)
        target = {"nodes": {"labelSelector": {"matchLabels": {"doomed": "yes"}}}}
        await inject(day, "down", "NodeDown", target)
        await asyncio.sleep(60)
        assert (await conditions(day))["Ready"] == "Unknown"
        await day.client.patch(NODES, NODE, {"metadata": {"labels": {"doomed": None}}})
        await well_again(day, before)
        assert (await day.client.get(PODS, first.key)).restart_count == 1
        shown = await status(day, "down")
        assert (shown.phase, shown.hit) == ("InForce", 0)
        assert shown.conditions[1].reason == "NothingMatches"

    run(day)


def test_an_edited_fault_takes_effect_as_it_is_now():
    async def day(day):
        await inject(day, "down", "KubeletHung", ONE)
        await asyncio.sleep(60)
        change = {"spec": {"target": {"nodes": {"names": ["node-02"]}}}}
        await day.client.patch(FAULTS, ObjectKey("", "down"), change)
        await asyncio.sleep(60)
        assert (await conditions(day))["Ready"] == "True"
        assert (await conditions(day, ObjectKey("", "node-02")))["Ready"] == "Unknown"

    run(day)
