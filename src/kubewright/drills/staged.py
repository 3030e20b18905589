"""Plays a drill on a twin of its own, under virtual time: with the platform, or left to the stock controllers."""

from __future__ import annotations

import asyncio

from kubewright.app import Choices, Platform
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.drills.drill import Drill, Outcome
from kubewright.drills.ledger import Ledger
from kubewright.drills.live import Stage
from kubewright.twin.access.users import ADMIN
from kubewright.twin.agents import SimulatedAgents, TwinReach
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape

NODES = 9
SHAPE = NodeShape(cpu="8", gpus=2)
SERVICES = ("workloads", "healing")


def play(drill: Drill, *, healed: bool, seed: int) -> Outcome:
    """Play it; raises OpError and TimeoutError. Not to be called on a loop that runs."""

    async def day() -> Outcome:
        clock = Clock.virtual()
        async with Twin(clock, nodes=NODES, seed=seed, shape=SHAPE) as twin:
            ledger = Ledger(InProcessTransport(twin.server.answering(ADMIN)), twin.server.kinds)
            stage = Stage(twin.client(), clock, gpus=True, written=ledger.written)
            if not healed:
                return await stage.play(drill, healed=False)
            client = RestClient(ledger, user_agent="kubewright")
            source = twin.exporters.measurements
            reach = TwinReach(twin.kubelet)
            platform = Platform(client, clock, choices=Choices(services=SERVICES), source=source, reach=reach)
            agents = SimulatedAgents(twin.client(), clock, twin.kubelet)
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(platform.run()), tasks.create_task(agents.run())]
                await stage.permit()
                found = await stage.play(drill)
                for each in running:
                    each.cancel()
            return found

    return run_virtual(day())
