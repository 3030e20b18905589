"""Simulated node agents, and GPUs that are put out of use."""

import asyncio

from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import FENCE, FENCED, NEIGHBOURS, UNREACHED, Answer, Neighbourhood, lease_key
from kubewright.twin.agents import SimulatedAgents, TwinReach
from kubewright.twin.nodes import NodeShape
from tests.sim.build import run
from tests.sim.faulty import inject, lift

ONE = {"nodes": {"names": ["node-01"]}}


async def notes(day, node):
    return (await day.client.get(LEASES, lease_key(node))).metadata.annotations


def with_agents(scenario):
    async def day(day):
        agents = SimulatedAgents(day.client, day.twin.clock, day.twin.kubelet)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(agents.run())
            await asyncio.sleep(1)
            found = Neighbourhood.of((await day.client.list(NODES)).items)
            for name in found.observed:
                changes = {"metadata": {"annotations": {NEIGHBOURS: found.written(name)}}}
                await day.client.patch(LEASES, lease_key(name), changes)
            await asyncio.sleep(25)
            await scenario(day, agents)
            running.cancel()

    run(day, nodes=4)


def test_neighbours_say_whom_they_do_not_reach_and_when_they_do_again():
    async def scenario(day, agents):
        await inject(day, "dead", "NodeDown", ONE)
        await asyncio.sleep(15)
        for name in ("node-02", "node-03", "node-04"):
            assert (await notes(day, name))[UNREACHED] == "node-01"
        await lift(day, "dead")
        await asyncio.sleep(10)
        for name in ("node-02", "node-03", "node-04"):
            assert UNREACHED not in await notes(day, name)

    with_agents(scenario)


def test_an_agent_that_is_cut_off_stops_what_runs_and_comes_back_with_the_network():
    async def scenario(day, agents):
        await day.deploy("web", replicas=4)
        await day.until_complete("web")
        start = day.twin.clock.now()
        await inject(day, "cut", "NodePartitioned", ONE)
        await asyncio.sleep(30)
        assert agents.fenced == {}, "a short partition stops nothing"
        await asyncio.sleep(55)
        assert list(agents.fenced) == ["node-01"]
        assert agents.fenced["node-01"] - start <= 80
        await lift(day, "cut")
        await asyncio.sleep(60)
        assert agents.fenced == {}
        here = [each for each in await day.pods("web") if each.spec.node_name == "node-01"]
        assert here
        assert all(each.restart_count == 1 for each in here)

    with_agents(scenario)


def test_an_agent_boots_its_machine_when_it_is_asked_to_and_says_that_it_did():
    async def scenario(day, agents):
        await inject(day, "hung", "KubeletHung", ONE)
        changes = {"metadata": {"annotations": {FENCE: "incident-1"}}}
        await day.client.patch(LEASES, lease_key("node-01"), changes)
        await asyncio.sleep(30)
        assert "node-01" in agents.fenced
        assert FENCED not in await notes(day, "node-01")
        await asyncio.sleep(60)
        assert (await notes(day, "node-01"))[FENCED] == "incident-1"

    with_agents(scenario)


def test_what_answers_at_the_port_of_a_kubelet_tells_a_dead_machine_from_a_hung_kubelet():
    async def day(day):
        reach, node = TwinReach(day.twin.kubelet), await day.client.get(NODES, ObjectKey("", "node-01"))
        assert await reach.ask(node) is Answer.KUBELET
        for type_, answer in {
            "NodeDown": Answer.NOTHING,
            "NodePartitioned": Answer.NOTHING,
            "KubeletHung": Answer.MACHINE,
            "CertificateExpiry": Answer.KUBELET,
        }.items():
            await inject(day, "ill", type_, ONE)
            assert await reach.ask(node) is answer
            await lift(day, "ill")

    run(day)


def test_a_gpu_that_is_put_out_of_use_is_given_to_nobody_and_comes_back():
    def trainer(name):
        container = {"name": "main", "image": "a:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
        head = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}}
        return {**head, "spec": {"containers": [container]}}

    async def day(day):
        async def quarantine(text):
            notes = {"metadata": {"annotations": {"gpu.kubewright.dev/quarantined": text}}}
            await day.client.patch(NODES, ObjectKey("", "node-01"), notes)
            await asyncio.sleep(2)
            return (await day.client.get(NODES, ObjectKey("", "node-01"))).status.allocatable["nvidia.com/gpu"]

        assert await quarantine("0") == "1"
        await day.create(PODS, trainer("first"))
        await day.create(PODS, trainer("second"))
        await asyncio.sleep(5)
        phases = sorted([each.status.phase for each in (await day.client.list(PODS)).items])
        assert phases == ["Pending", "Running"]
        assert day.twin.kubelet.gpu_holder("node-01", 0) == ""
        assert day.twin.kubelet.gpu_holder("node-01", 1)
        assert await quarantine(None) == "2"

    run(day, nodes=1, shape=NodeShape(gpus=2))
