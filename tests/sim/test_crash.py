"""The platform is killed at every single write, before it is sent and before its answer arrives, and started again."""

import asyncio
import contextlib

import msgspec
import pytest

from kubewright.api.core import NAMESPACES, SERVICES
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.app import Platform
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS

KEY = ObjectKey("shop", "web")
APP = {"metadata": {"name": "web"}, "spec": {"image": "nginx", "replicas": 2, "ports": [{"port": 80}]}}
SETTLE_SECONDS = 40
WRITES_OF_A_LIFE = range(1, 13)


class Deadly:
    """A transport that stops for ever at the n-th write, as a process does that is killed there."""

    def __init__(self, inner, at=0, *, answer_lost=False):
        self.inner = inner
        self.at = at
        self.answer_lost = answer_lost
        self.writes = []
        self.killed = asyncio.Event()

    async def send(self, request, *, stream=False):
        if request.method == "GET":
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
async def platform(server, clock, **death):
    transport = Deadly(InProcessTransport(server), **death)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(Platform(RestClient(transport), clock).run())
        yield transport
        running.cancel()


async def settled(transport):
    """Let it run until it has settled or is dead."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            await transport.killed.wait()


async def world(client):
    """Everything that matters in the end, without what differs between any two runs."""
    found = {}
    for resource in (APP_SERVICES, CHILD_DEPLOYMENTS, SERVICES):
        for obj in (await client.list(resource)).items:
            if obj.key == KEY:
                meta = obj.metadata
                owners = tuple(ref.name for ref in meta.owner_references)
                found[resource.kind] = (without_address(obj.spec), meta.generation, meta.finalizers, owners)
                if resource is APP_SERVICES:
                    found["status"] = [(c.type, c.status, c.reason) for c in obj.status.conditions]
    return found


def without_address(spec):
    """A Service's address is drawn anew for each."""
    return {k: v for k, v in msgspec.to_builtins(spec).items() if k not in {"clusterIP", "clusterIPs"}}


async def life(**death):
    """Create an application under a platform that dies, restart it, delete the application under one that dies."""
    clock = Clock.virtual()
    server = ApiServer(clock, KindTable.builtin())
    client = RestClient(InProcessTransport(server))
    await client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    async with platform(server, clock, **death) as first:
        await asyncio.sleep(1)
        with contextlib.suppress(Exception):
            await client.create(APP_SERVICES, APP, namespace="shop")
        await settled(first)
    async with platform(server, clock) as second:
        await asyncio.sleep(1)
        with contextlib.suppress(Exception):
            await client.create(APP_SERVICES, APP, namespace="shop")
        await settled(second)
        grown = await world(client)
        before = len(second.writes)
        await asyncio.sleep(300)
        idle_writes = second.writes[before:]
    async with platform(server, clock, **death) as third:
        await asyncio.sleep(1)
        await client.delete(APP_SERVICES, KEY)
        await settled(third)
    async with platform(server, clock) as fourth:
        await settled(fourth)
        left = await world(client)
    return first.writes, grown, idle_writes, left


def test_an_undisturbed_life():
    writes, grown, idle_writes, left = run_virtual(life())
    assert set(grown) == {"AppService", "Deployment", "Service", "status"}
    assert idle_writes == []
    assert left == {}
    assert len(writes) in WRITES_OF_A_LIFE, "the kills below must cover every write"


@pytest.mark.parametrize("answer_lost", [False, True], ids=["before it is sent", "before its answer arrives"])
@pytest.mark.parametrize("at", WRITES_OF_A_LIFE)
def test_killed_at_a_write_and_started_again_it_loses_nothing_and_repeats_nothing(at, answer_lost):
    _, expected, _, _ = run_virtual(life())
    _, grown, idle_writes, left = run_virtual(life(at=at, answer_lost=answer_lost))
    assert grown == expected
    assert idle_writes == []
    assert left == {}
