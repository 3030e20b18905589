"""What goes wrong while the healer mends: it stops safe, says so, goes on by itself, and does nothing twice."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from kubewright.api.core import NODES
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import HELD
from kubewright.app import Choices, Platform
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.client.transport import Response
from kubewright.twin.access.users import ADMIN
from kubewright.twin.agents import SimulatedAgents, TwinReach
from tests.sim.build import run
from tests.sim.faulty import inject, lift
from tests.sim.test_healing import broken, broken_release, healing, in_phase, incidents, policy, seen_in

HEALER = {"clients": {"userAgents": ["kubewright-healing"]}}
OUTAGES = {
    "errors": ("ApiError", {"apiError": {"code": 503}}),
    "lost requests": ("ApiReset", {"apiReset": {"when": "Before"}}),
    "lost answers": ("ApiReset", {"apiReset": {"when": "After"}}),
}


class Writes:
    """A transport that notes what is written to others than the healer's own books, and may fail or die at one."""

    OWN = ("/incidents", "/events", "/auditrecords", "/disruption", "/healingpolicies", "/customresource", "/leases")

    def __init__(self, inner, *, fails_at=0, dies_at=0, answer_lost=False):
        self.inner = inner
        self.fails_at, self.dies_at, self.answer_lost = fails_at, dies_at, answer_lost
        self.failures_left = 8
        self.every, self.done = [], []
        self.killed = asyncio.Event()

    async def send(self, request, *, stream=False):
        passes = "/events" in request.path or "/customresource" in request.path or "dryRun" in request.query
        if request.method == "GET" or passes:
            return await self.inner.send(request, stream=stream)
        self.every.append(f"{request.method} {request.path}")
        if len(self.every) == self.dies_at:
            if self.answer_lost:
                await self._sent(request)
            self.killed.set()
            return await asyncio.Future()
        return await self._sent(request)

    async def _sent(self, request):
        own = any(each in request.path for each in self.OWN) or request.path == "/api/v1/namespaces/kubewright-system"
        if not own and len(self.done) + 1 == self.fails_at:
            self.failures_left -= 1
            self.fails_at = self.fails_at if self.failures_left else 0
            return Response(500, {}, b'{"kind":"Status","reason":"InternalError","message":"etcd is away","code":500}')
        answer = await self.inner.send(request)
        if not own and answer.status < 300:
            self.done.append(f"{request.method} {request.path}")
        return answer

    async def close(self):
        await self.inner.close()


@asynccontextmanager
async def watched(day, **how):
    """Run the healer beside a day, through a transport that notes its writes."""
    transport = Writes(InProcessTransport(day.twin.server.answering(ADMIN)), **how)
    platform = Platform(
        RestClient(transport), day.twin.clock, choices=Choices(("healing",)), reach=TwinReach(day.twin.kubelet)
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(platform.run())
        if not how.get("dies_at"):
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
        yield transport
        running.cancel()


def on(name):
    return {"nodes": {"names": [name]}}


async def full_house(day):
    """A fleet over all nodes; return the node of its first pod."""
    await day.deploy("web", replicas=6)
    await day.until_complete("web")
    return min(await day.pods("web"), key=lambda pod: pod.metadata.name).spec.node_name


async def pods_on(day, node):
    return [each for each in await day.pods("web") if each.spec.node_name == node and not each.is_terminating]


async def emptied(day, node):
    async def empty():
        return await pods_on(day, node) == [] and len(await day.ready("web")) == 6

    await day.until(empty, 600)


def of(found, cause):
    return [each for each in found if each.spec.cause == cause]


@pytest.mark.parametrize(
    ("phase", "outage"), [("Rehearsing", "lost requests"), ("Acting", "lost answers"), ("Verifying", "errors")]
)
def test_a_server_that_is_away_in_the_middle_of_a_repair_only_delays_it(phase, outage):
    async def scenario(day):
        type_, parameters = OUTAGES[outage]
        await policy(day)
        async with healing(day):
            await broken_release(day)
            await seen_in(day, phase)
            await inject(day, "away", type_, HEALER, **parameters)
            await asyncio.sleep(45)
            await lift(day, "away")
            (incident,) = await in_phase(day, "Resolved")
            await day.until_complete("web")
            assert [each.outcome for each in incident.status.actions] == ["Helped"]
            assert (await day.deployment("web")).metadata.generation == 3, "made, broken, taken back once"

    run(scenario)


@pytest.mark.parametrize("outage", ["errors", "lost answers"])
def test_a_server_that_is_away_in_the_middle_of_a_drain_only_delays_it(outage):
    async def scenario(day):
        type_, parameters = OUTAGES[outage]
        await policy(day)
        node = await full_house(day)
        async with healing(day):
            await inject(day, "disk", "DiskFailing", on(node))
            await seen_in(day, "Acting")
            await inject(day, "away", type_, HEALER, **parameters)
            await asyncio.sleep(60)
            assert len(of(await incidents(day), "DiskFailing")) == 1
            await lift(day, "away")
            await emptied(day, node)
            (incident,) = of(await in_phase(day, "Resolved", "Verifying", "Acting"), "DiskFailing")
            assert len(incident.status.actions) == 1

    run(scenario)


def test_a_remedy_that_fails_half_way_says_so_and_goes_on_from_there():
    async def scenario(day):
        await policy(day)
        node = await full_house(day)
        count = len(await pods_on(day, node))
        assert count > 1
        said = []
        async with watched(day, fails_at=2) as writes:
            await inject(day, "disk", "DiskFailing", on(node))

            async def tried_again():
                said.extend(each.status.message for each in await incidents(day))
                return any("it is tried again" in each for each in said)

            await day.until(tried_again, 120)
            await emptied(day, node)
            assert len(set(writes.done)) == len(writes.done) == 1 + count, "the node held, each pod evicted, once"

    run(scenario)


def test_of_two_faults_on_one_node_none_is_lost_and_its_pods_leave_once():
    async def scenario(day):
        agents = SimulatedAgents(day.client, day.twin.clock, day.twin.kubelet)
        await policy(day)
        node = await full_house(day)
        async with watched(day) as writes, asyncio.TaskGroup() as tasks:
            agents_run = tasks.create_task(agents.run())
            await inject(day, "disk", "DiskFailing", on(node))
            await inject(day, "other", "NodeDown", on(node))
            await emptied(day, node)
            await asyncio.sleep(120)
            assert len(set(writes.done)) == len(writes.done)
            about = [each for each in await incidents(day) if each.spec.about.name == node]
            assert about
            assert all(each.status.phase != "Escalated" for each in about)
            await lift(day, "disk")
            await lift(day, "other")

            async def over():
                held = (await day.client.get(NODES, ObjectKey("", node))).metadata.annotations.get(HELD)
                return not held and all(each.status.phase == "Resolved" for each in await incidents(day))

            await day.until(over, 900)
            agents_run.cancel()

    run(scenario)


def test_killed_again_and_again_at_its_first_second_or_later_write_and_started_anew_it_ends_the_same():
    async def scenario(day):
        await policy(day)
        await day.deploy("web", replicas=3)
        await day.until_complete("web")
        await broken(day)
        died_at = []
        for life in range(30):
            async with watched(day, dies_at=1 + life % 5, answer_lost=life % 2 == 1) as writes:
                with suppress(TimeoutError):
                    async with asyncio.timeout(100):
                        await writes.killed.wait()
            died_at += writes.every
            if not writes.killed.is_set():
                break  # nothing is left to be written
        (incident,) = await incidents(day)
        assert incident.status.phase == "Resolved", died_at
        assert [(each.remedy, each.outcome) for each in incident.status.actions] == [("roll back", "Helped")]
        assert (await day.deployment("web")).metadata.generation == 3, "made, broken, taken back once"
        assert any(each.endswith("/deployments/web") for each in died_at)

    run(scenario)


def test_what_comes_back_for_ever_is_a_persons_at_last_and_is_left_alone():
    async def scenario(day):
        await policy(day, limits={"repeats": 1})
        async with healing(day):
            await day.deploy("web", replicas=3)
            await day.until_complete("web")
            for turn in range(3):
                await broken(day)
                if turn < 2:
                    await seen_in(day, "Verifying")
                (incident,) = await in_phase(day, "Escalated" if turn == 2 else "Resolved")
                if turn < 2:
                    await day.until_complete("web")
            assert "came back" in incident.status.message
            began, generation = len(incident.status.actions), (await day.deployment("web")).metadata.generation
            await asyncio.sleep(600)
            (incident,) = await incidents(day)
            assert (incident.status.phase, len(incident.status.actions)) == ("Escalated", began)
            assert (await day.deployment("web")).metadata.generation == generation

    run(scenario)


def test_in_a_storm_nothing_is_done_to_any_node_and_it_goes_on_by_itself_when_it_has_passed():
    async def scenario(day):
        await policy(day, storm={"illPercent": 20, "atLeast": 3, "coolDownSeconds": 120})
        await day.deploy("web", replicas=6)
        await day.until_complete("web")
        async with watched(day) as writes:
            names = [each.metadata.name for each in (await day.client.list(NODES)).items][:4]
            await inject(day, "storm", "DiskFailing", {"nodes": {"names": names}})
            await asyncio.sleep(120)
            assert writes.done == []
            ill = of(await incidents(day), "DiskFailing")
            assert ill
            assert all("calls for a person" in each.status.message for each in ill)
            await lift(day, "storm")
            await asyncio.sleep(10)
        async with watched(day) as writes:
            await inject(day, "one", "DiskFailing", on(names[0]))
            await asyncio.sleep(80)
            assert writes.done == [], "it has to cool down first, also for a healer that has just begun"
            await emptied(day, names[0])
            assert writes.done

    run(scenario, nodes=8)
