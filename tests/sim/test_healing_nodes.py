"""The healer and nodes on a twin: how soon those who ran on an ill node run elsewhere, and that nobody else moves."""

import asyncio

import pytest

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import STATEFUL_SETS
from kubewright.api.batch import JOBS
from kubewright.api.core import NAMESPACES, NODES, PODS
from kubewright.api.crds.incident import INCIDENTS
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import HELD, quarantined
from kubewright.app import Choices, Platform
from kubewright.client.protocol import PatchType
from kubewright.healing.metal3 import BARE_METAL_HOSTS, HELD_OFF
from kubewright.twin.agents import SimulatedAgents, TwinReach
from kubewright.twin.nodes import NodeShape
from tests.sim.build import run
from tests.sim.faulty import client_called, inject, lift
from tests.sim.test_cluster_api import definition
from tests.sim.test_healing import policy

NODE = ObjectKey("", "node-01")
ONE = {"nodes": {"names": [NODE.name]}}


def healed(scenario, *, with_agents=True, **options):
    """Run a day with node agents, if they are wanted, and a healer that may act and knows all neighbours."""

    async def day(day):
        await policy(day, unrehearsed=True)
        clock, kubelet = day.twin.clock, day.twin.kubelet
        client = client_called(day, "kubewright-healing")
        platform = Platform(client, clock, choices=Choices(("healing",)), reach=TwinReach(kubelet))
        agents = SimulatedAgents(day.client, clock, kubelet)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(platform.run())]
            running += [tasks.create_task(agents.run())] if with_agents else []
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
            await asyncio.sleep(65)
            await scenario(day, agents)
            for each in running:
                each.cancel()

    run(day, **{"nodes": 5, **options})


async def causes(day):
    return {each.spec.cause: each.status.phase for each in (await day.client.list(INCIDENTS)).items}


async def on_node(day, name="web"):
    return [each for each in await day.pods(name) if each.spec.node_name == NODE.name]


@pytest.mark.parametrize("fault", ["NodeDown", "NodePartitioned"])
def test_what_can_run_twice_runs_elsewhere_within_75_seconds_of_its_nodes_death(fault):
    async def scenario(day, _):
        await day.deploy("web", replicas=10)
        await day.until_complete("web")
        assert await on_node(day)
        start = day.twin.clock.now()
        await inject(day, "dead", fault, ONE)

        async def restored():
            return sum(each.spec.node_name != NODE.name for each in await day.ready("web")) == 10

        await day.until(restored, 100)
        assert day.twin.clock.now() - start <= 75
        await asyncio.sleep(15)
        assert (await causes(day)).get("NodeDead") == "Resolved", await causes(day)
        await lift(day, "dead")

        async def takes_pods():
            node = await day.client.get(NODES, NODE)
            return not node.spec.unschedulable and HELD not in node.metadata.annotations

        await day.until(takes_pods, 300)

    healed(scenario)


def stateful(name="db"):
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "a:1"}]}}
    spec = {"serviceName": name, "replicas": 5, "selector": {"matchLabels": labels}, "template": template}
    head = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name, "namespace": "default"}}
    return {**head, "spec": {**spec, "podManagementPolicy": "Parallel"}}


def test_what_must_not_run_twice_moves_within_150_seconds_and_not_before_it_has_ended():
    async def scenario(day, agents):
        await day.create(STATEFUL_SETS, stateful())
        await asyncio.sleep(20)
        (lost, *_) = await on_node(day, "db")
        start = day.twin.clock.now()
        await inject(day, "cut", "NodePartitioned", ONE)

        async def moved():
            found = await day.client.get(PODS, lost.key)
            return found.metadata.uid != lost.metadata.uid and found.is_ready

        await day.until(moved, 200)
        assert day.twin.clock.now() - start <= 150
        again = await day.client.get(PODS, lost.key)
        assert again.metadata.created_at >= agents.fenced[NODE.name], "nothing runs there any more"

    healed(scenario)


class BareMetal:
    """One host of Metal3 and its operator: it takes the host's power while somebody asks for that."""

    def __init__(self, day):
        self.day, self.key = day, ObjectKey("metal", "host-1")
        self.off_at = None

    async def __aenter__(self):
        client = self.day.client
        await client.create(CRDS, definition(BARE_METAL_HOSTS))
        await client.create(NAMESPACES, {"metadata": {"name": "metal"}})
        await asyncio.sleep(1)
        host = {"metadata": {"name": "host-1"}, "spec": {"online": True}, "status": {"poweredOn": True}}
        await client.create(BARE_METAL_HOSTS, host, namespace="metal")
        await client.patch(NODES, NODE, {"spec": {"providerID": "metal3://metal/host-1/machine-1"}})
        self.task = asyncio.create_task(self.run())  # noqa: TID251  ended below
        return self

    async def __aexit__(self, *_):
        self.task.cancel()

    async def run(self):
        client = self.day.client
        while True:
            await asyncio.sleep(10)
            host = await client.get(BARE_METAL_HOSTS, self.key)
            wanted = HELD_OFF not in host.metadata.annotations
            if wanted != host.status["poweredOn"]:
                self.off_at = self.off_at or self.day.twin.clock.now()
                await client.patch(BARE_METAL_HOSTS, self.key, {"status": {"poweredOn": wanted}}, PatchType.MERGE)
                if wanted:
                    await lift(self.day, "dead")


def test_without_agents_a_machine_without_power_is_proof_and_it_is_switched_on_again():
    async def scenario(day, agents):
        async with BareMetal(day) as metal:
            await day.create(STATEFUL_SETS, stateful())
            await asyncio.sleep(20)
            (lost, *_) = await on_node(day, "db")
            start = day.twin.clock.now()
            await inject(day, "dead", "NodeDown", ONE)

            async def moved():
                found = await day.client.get(PODS, lost.key)
                return found.metadata.uid != lost.metadata.uid and found.is_ready

            await day.until(moved, 200)
            assert day.twin.clock.now() - start <= 150
            again = await day.client.get(PODS, lost.key)
            assert again.metadata.created_at >= metal.off_at, "nothing runs there any more"

            async def takes_pods():
                node = await day.client.get(NODES, NODE)
                host = await day.client.get(BARE_METAL_HOSTS, metal.key)
                well = node.is_ready and not node.spec.unschedulable and not node.spec.taints
                return well and HELD_OFF not in host.metadata.annotations

            await day.until(takes_pods, 600)

    healed(scenario, with_agents=False)


@pytest.mark.parametrize(
    "schedule",
    [{"durationSeconds": 40}, {"durationSeconds": 20, "periodSeconds": 60, "times": 4}],
    ids=["a short partition", "a flap"],
)
def test_a_short_partition_and_a_flap_move_nobody(schedule):
    async def scenario(day, _):
        await day.deploy("web", replicas=10)
        await day.until_complete("web")
        before = {each.metadata.uid for each in await day.pods("web")}
        await inject(day, "cut", "NodePartitioned", ONE, schedule=schedule)
        await asyncio.sleep(300)
        assert {each.metadata.uid for each in await day.pods("web")} == before

    healed(scenario)


def test_a_machine_whose_kubelet_hangs_is_booted_by_its_agent():
    async def scenario(day, agents):
        await inject(day, "hung", "KubeletHung", ONE)

        async def booted():
            return NODE.name in agents.fenced

        await day.until(booted, 120)
        await lift(day, "hung")
        await asyncio.sleep(200)
        assert set(await causes(day)) - {"NodeSuspect", "NodeHeld", "NodeAwaitsRepair"} == {"KubeletHung"}, (
            "one cause, one incident"
        )
        assert (await causes(day))["KubeletHung"] == "Resolved"
        assert not (await day.client.get(NODES, NODE)).spec.unschedulable

    healed(scenario)


def job():
    limits = {"limits": {"nvidia.com/gpu": "1"}}
    container = {"name": "main", "image": "a:1", "resources": limits}
    template = {"metadata": {"labels": {"app": "job"}}, "spec": {"restartPolicy": "Never", "containers": [container]}}
    head = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": "default"}}
    return {**head, "spec": {"parallelism": 3, "completions": 3, "template": template}}


@pytest.mark.parametrize(("fault", "parameters"), [("GpuXid", {"gpuXid": {"code": 79}}), ("GpuHung", {})])
def test_one_gpu_is_out_of_use_within_30_seconds_and_its_job_runs_within_90(fault, parameters):
    async def scenario(day, _):
        await day.create(JOBS, job())
        await asyncio.sleep(20)
        before = {each.metadata.name: each.spec.node_name for each in await day.pods("job")}
        ill = min(before.values())
        start = day.twin.clock.now()
        await inject(day, "gpu", fault, {"nodes": {"names": [ill]}}, **parameters)

        async def is_out():
            node = await day.client.get(NODES, ObjectKey("", ill))
            return quarantined(node) == (0,) and node.status.allocatable["nvidia.com/gpu"] == "3"

        await day.until(is_out, 40)
        assert day.twin.clock.now() - start <= 30

        async def runs():
            found = [
                each for each in await day.pods("job") if each.status.phase == "Running" and not each.is_terminating
            ]
            return len(found) == 3 and day.twin.kubelet.gpu_holder(ill, 0) == ""

        await day.until(runs, 90)
        assert day.twin.clock.now() - start <= 90
        after = {each.metadata.name for each in await day.pods("job")}
        assert len(set(before) - after) <= 1, "its neighbours stay"
        assert not (await day.client.get(NODES, ObjectKey("", ill))).spec.unschedulable
        await lift(day, "gpu")

        async def is_back():
            return quarantined(await day.client.get(NODES, ObjectKey("", ill))) == ()

        await day.until(is_back, 200)

    healed(scenario, nodes=2, shape=NodeShape(gpus=4))


def test_a_node_whose_disk_fails_is_emptied_and_takes_pods_again_when_it_is_well():
    async def scenario(day, _):
        await day.deploy("web", replicas=5)
        await day.until_complete("web")
        assert await on_node(day)
        await inject(day, "disk", "DiskFailing", ONE)

        async def empty():
            return not await on_node(day)

        await day.until(empty, 120)
        await lift(day, "disk")

        async def takes_pods():
            return not (await day.client.get(NODES, NODE)).spec.unschedulable

        await day.until(takes_pods, 300)

    healed(scenario)


def test_a_zone_that_is_down_moves_nobody_and_calls_a_person():
    async def scenario(day, _):
        await day.deploy("web", replicas=9)
        await day.until_complete("web")
        before = {each.metadata.uid for each in await day.pods("web")}
        zone = {"nodes": {"labelSelector": {"matchLabels": {"topology.kubernetes.io/zone": "zone-a"}}}}
        await inject(day, "zone", "NodeDown", zone)
        await asyncio.sleep(120)
        assert (await causes(day))["ZoneDown"] == "Escalated"
        assert {each.metadata.uid for each in await day.pods("web")} == before

    healed(scenario, nodes=9)
