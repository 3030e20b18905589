"""Whatever the way to the server does to each replica, never two lead at once; and when it stops, one leads."""

import asyncio
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.leader import LeaderElector, LeadershipLostError
from tests.unit.runtime.fake_server import FakeServer, failure, seeded

KEY = ObjectKey("ns", "platform")
REPLICAS = 3


class Link:
    """One replica's way to the server, which may be slow or cut, before the server acts or after."""

    def __init__(self, server):
        self._server = server
        self.state = ("fine", 0.0)

    def __getattr__(self, verb):
        async def call(*args, **options):
            fault, seconds = self.state
            if fault == "slow there":
                await asyncio.sleep(seconds)
            if fault == "cut":
                await asyncio.sleep(seconds)
                raise failure()
            result = await getattr(self._server, verb)(*args, **options)
            if fault == "slow back":
                await asyncio.sleep(seconds)
            if fault == "answer lost":
                raise failure()
            return result

        return call


class Leaders:
    def __init__(self):
        self.now = []
        self.together = []

    async def lead(self, name):
        self.now.append(name)
        if len(self.now) > 1:
            self.together.append(tuple(self.now))
        try:
            await asyncio.sleep(1e9)
        finally:
            self.now.remove(name)


async def keep_trying(link, name, leaders, seed):
    """A process that its kubelet starts again whenever it has lost the lead."""
    while True:
        elector = LeaderElector(link, Clock.virtual(), KEY, name, rng=seeded(seed))
        with contextlib.suppress(LeadershipLostError):
            await elector.run(lambda: leaders.lead(name))
        await asyncio.sleep(1)


faults = st.tuples(
    st.sampled_from(["fine", "cut", "slow there", "slow back", "answer lost"]),
    st.sampled_from([0.0, 0.5, 3.0, 9.0, 40.0]),
)
steps = st.tuples(st.integers(0, REPLICAS - 1), faults, st.sampled_from([0.0, 1.0, 4.0, 11.0, 30.0]))


@settings(max_examples=100)
@given(scenario=st.lists(steps, max_size=25), seed=st.integers(0, 5))
def test_never_two_lead_at_once_and_one_does_when_all_is_well(scenario, seed):
    async def main():
        server, leaders = FakeServer(), Leaders()
        links = [Link(server) for _ in range(REPLICAS)]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(keep_trying(link, f"replica-{number}", leaders, seed + number))
                for number, link in enumerate(links)
            ]
            for number, fault, wait_seconds in scenario:
                links[number].state = fault
                await asyncio.sleep(wait_seconds)
            for link in links:
                link.state = ("fine", 0.0)
            await asyncio.sleep(120)
            assert len(leaders.now) == 1
            for task in tasks:
                task.cancel()
        assert leaders.together == []

    run_virtual(main())
