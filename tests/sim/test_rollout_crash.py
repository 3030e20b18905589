"""The platform is killed at the writes of a rollout, before they are sent or before their answers, and goes on."""

import asyncio
import contextlib

import pytest

from kubewright.app import Platform
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.twin.access.users import ADMIN
from kubewright.twin.cluster import Twin
from tests.sim.releases import HEALTHY, SICK, Shop

STEPS = {"strategy": "canary", "steps": [{"weight": 50, "pauseSeconds": 10}]}
NEXT = "shop/web:1.1"
KILLED_AFTER_SECONDS = 60


class Deadly:
    """A transport that stops for ever at the n-th write, as a killed process does; events do not count."""

    def __init__(self, inner, at=0, *, answer_lost=False):
        self.inner = inner
        self.at = at
        self.answer_lost = answer_lost
        self.writes = []
        self.killed = asyncio.Event()

    async def send(self, request, *, stream=False):
        if request.method == "GET" or "/events" in request.path:
            return await self.inner.send(request, stream=stream)
        self.writes.append(f"{request.method} {request.path}")
        if len(self.writes) != self.at:
            return await self.inner.send(request, stream=stream)
        if self.answer_lost:
            await self.inner.send(request)
        self.killed.set()
        return await asyncio.Future()

    async def close(self):
        await self.inner.close()


@contextlib.asynccontextmanager
async def platform(twin, **death):
    transport = Deadly(InProcessTransport(twin.server.answering(ADMIN)), **death)
    async with asyncio.TaskGroup() as tasks:
        source = twin.exporters.measurements
        running = tasks.create_task(Platform(RestClient(transport), twin.clock, source=source).run())
        await asyncio.sleep(1)
        yield transport
        running.cancel()


def life(image, usage=None, **death):
    """Create an application, then change its image under a platform that dies; return what the next one makes of it."""

    async def day():
        clock = Clock.virtual()
        async with Twin(clock, nodes=2) as twin, asyncio.TaskGroup() as tasks:
            shop = Shop(twin, usage or {})
            acting = tasks.create_task(shop.annotate())
            async with platform(twin):
                await shop.create(replicas=2, rollout=STEPS)
            async with platform(twin, **death) as dying:
                await shop.change(image=image)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(KILLED_AFTER_SECONDS):
                        await dying.killed.wait()
            async with platform(twin):
                state = await shop.until(lambda state: state.phase in {"Verifying", "RolledBack"}, 300)
                await asyncio.sleep(60)
                found = state.phase, await shop.images(), sorted(await shop.deployments())
            acting.cancel()
            return dying.writes, found

    return run_virtual(day())


LIVES = {"a good release": (NEXT, {}), "a bad one": (SICK, {SICK: {"error-rate": "50%"}})}
ENDS = {
    "a good release": ("Verifying", {NEXT: 2}, ["web"]),
    "a bad one": ("RolledBack", {HEALTHY: 2}, ["web"]),
}


KILLS = [(name, at) for name, last in (("a good release", 7), ("a bad one", 5)) for at in range(1, last + 1)]
"""After the seventh write of a good release, which lets it take over, only its status follows the pods."""


def test_undisturbed_rollouts():
    for name, (image, usage) in LIVES.items():
        writes, found = life(image, usage)
        assert found == ENDS[name]
        assert max(at for each, at in KILLS if each == name) <= len(writes)


@pytest.mark.parametrize(("name", "at"), KILLS)
def test_killed_at_a_write_and_started_again_it_ends_the_same(name, at):
    _, found = life(*LIVES[name], at=at, answer_lost=at % 2 == 0)
    assert found == ENDS[name]
