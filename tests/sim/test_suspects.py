"""Nodes that fall silent are asked after: what witnesses say within the time in which a node is given up."""

import asyncio
from collections import Counter

import pytest

from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import NEIGHBOURS, Neighbourhood, lease_key
from kubewright.healing.witness import State, judge
from kubewright.signals.service import SignalsIn
from kubewright.signals.signal import Fault
from kubewright.twin.agents import SimulatedAgents, TwinReach
from tests.sim.build import run
from tests.sim.faulty import inject, lift

ONE = {"nodes": {"names": ["node-01"]}}


class Noting:
    """Keeps what holds."""

    def __init__(self):
        self.holding = {}
        self.ever = Counter()

    async def handle(self, signal):
        if signal.ended:
            self.holding.pop(signal.fingerprint, None)
        else:
            self.holding[signal.fingerprint] = signal
            self.ever[signal.fault] += 1

    def judge(self, day):
        return judge(self.holding.values(), day.twin.clock.now()).state


def watched(scenario):
    async def day(day):
        noting, clock = Noting(), day.twin.clock
        agents = SimulatedAgents(day.client, clock, day.twin.kubelet)
        signals = SignalsIn(day.client, clock, noting, reach=TwinReach(day.twin.kubelet))
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(agents.run()), tasks.create_task(signals.run())]
            await asyncio.sleep(1)
            found = Neighbourhood.of((await day.client.list(NODES)).items)
            for name in found.observed:
                changes = {"metadata": {"annotations": {NEIGHBOURS: found.written(name)}}}
                await day.client.patch(LEASES, lease_key(name), changes)
            await asyncio.sleep(45)
            await scenario(day, noting, signals)
            for each in running:
                each.cancel()

    run(day, nodes=5)


@pytest.mark.parametrize(
    ("type_", "state"),
    [
        ("NodeDown", State.DEAD),
        ("NodePartitioned", State.DEAD),
        ("KubeletHung", State.HUNG),
        ("CertificateExpiry", State.UNHEARD),
    ],
)
def test_each_way_to_fall_silent_is_told_from_the_others_within_a_minute(type_, state):
    async def scenario(day, noting, _):
        await inject(day, "ill", type_, ONE)
        await asyncio.sleep(40)
        assert noting.judge(day) is State.SUSPECT
        await asyncio.sleep(22)
        assert noting.judge(day) is state
        await lift(day, "ill")
        await asyncio.sleep(90)
        assert noting.judge(day) is State.HEARD
        assert not {Fault.KUBELET_UNREACHABLE, Fault.NODE_UNREACHED} & {each.fault for each in noting.holding.values()}

    watched(scenario)


@pytest.mark.parametrize("start", range(0, 10, 3))
def test_a_partition_of_forty_seconds_loses_no_node(start):
    async def scenario(day, noting, _):
        await asyncio.sleep(start)
        await inject(day, "cut", "NodePartitioned", ONE, schedule={"durationSeconds": 40})
        states = set()
        for _ in range(100):
            states.add(noting.judge(day))
            await asyncio.sleep(1)
        assert states == {State.HEARD, State.SUSPECT}

    watched(scenario)


def test_an_agents_promise_is_proof_once_its_time_has_passed_and_not_before_it_has_kept_it():
    async def scenario(day, noting, signals):
        start = day.twin.clock.now()
        await inject(day, "cut", "NodePartitioned", ONE)
        await asyncio.sleep(40)
        neighbours = signals.watched.neighbourhood.observed["node-01"]
        ended_at = signals.watched.agents.ended_at("node-01", neighbours, day.twin.clock.now())
        assert start + 60 < ended_at < start + 90
        await asyncio.sleep(ended_at - day.twin.clock.now() - 1)
        assert not day.twin.kubelet.is_living("node-01")
        assert day.twin.kubelet.trouble("node-01").down, "it has stopped all that ran"

    watched(scenario)


def test_a_node_that_falls_silent_again_and_again_flaps():
    async def scenario(day, noting, _):
        await inject(
            day, "flap", "NodePartitioned", ONE, schedule={"durationSeconds": 30, "periodSeconds": 90, "times": 4}
        )
        await asyncio.sleep(260)
        assert Fault.NODE_FLAPS in {each.fault for each in noting.holding.values()}
        await asyncio.sleep(1300)
        assert noting.holding == {}

    watched(scenario)


def test_of_a_node_that_the_healer_holds_it_is_told_until_it_lets_go():
    async def scenario(day, noting, _):
        notes = {"healing.kubewright.dev/held": "disk-failing", "gpu.kubewright.dev/quarantined": "1"}
        await day.client.patch(NODES, ObjectKey("", "node-01"), {"metadata": {"annotations": notes}})
        await asyncio.sleep(1)
        assert {each.fault for each in noting.holding.values()} == {Fault.NODE_HELD, Fault.GPU_OUT_OF_USE}
        notes = dict.fromkeys(notes)
        await day.client.patch(NODES, ObjectKey("", "node-01"), {"metadata": {"annotations": notes}})
        await asyncio.sleep(1)
        assert noting.holding == {}

    watched(scenario)
