"""Sizes that come with an AppService's next release: when they do, when they do not, and what is gone back to."""

import asyncio

import pytest

from kubewright.api.core import PODS
from kubewright.api.crds.sizepolicy import SIZE_POLICIES
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import milli
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.scaling.sizing import DAY_SECONDS
from kubewright.series.protocol import CONTAINER, Missing, PodQuery, Series, Signal, Why
from kubewright.sizing import upcoming
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS
from tests.sim.releases import SICK, WEB, Shop, crashing
from tests.sim.test_size_policies import MIB, policy

ROLLING = {"strategy": "rolling"}
ASKED = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
HISTORY = {Signal.CONTAINER_CPU: 0.3, Signal.CONTAINER_MEMORY: 300 * MIB}


class Remembering:
    """The twin's measurements, and days of history before them."""

    def __init__(self, source, since, pod):
        self.source, self.since, self.pod = source, since, pod

    async def instant(self, query):
        return await self.source.instant(query)

    async def range(self, query, span):
        value = HISTORY.get(query.signal) if isinstance(query, PodQuery) else None
        if value is None or span.start < self.since:
            return Missing(Why.NO_DATA)
        labels = {"namespace": "default", "pod": self.pod, CONTAINER: "app"}
        steps = int((span.end - span.start) // span.step_seconds) + 1
        return (Series(labels, tuple((span.start + n * span.step_seconds, value) for n in range(steps))),)


class SizedShop(Shop):
    """An application whose sizes are looked after."""

    async def cpu(self):
        """Return what each ready pod requests, in thousandths of cores."""
        return [milli(pod.spec.containers[0].resources.requests["cpu"]) for pod in await self.pods() if pod.is_ready]

    async def policy(self):
        return await self.client.get(SIZE_POLICIES, WEB)

    async def upcoming(self):
        """Return the condition about the next release."""
        conditions = {each.type: each for each in (await self.policy()).status.conditions}
        return conditions.get("NextRelease")

    async def offered(self, **spec):
        """Make a policy, and wait until it knows what comes."""
        await self.client.create(SIZE_POLICIES, policy(**spec))
        for _ in range(1800):
            if (found := await self.upcoming()) is not None and found.status == "True":
                return found
            await asyncio.sleep(1)
        raise AssertionError(f"nothing was offered: {await self.policy()}")

    async def until_all(self, cpu):
        """Wait until both pods are ready and request so much."""
        for _ in range(600):
            if (found := await self.cpu()) == [cpu, cpu]:
                return
            await asyncio.sleep(1)
        raise AssertionError(f"not all request {cpu}m: {found}")

    async def released(self, **spec):
        """Change the spec, and wait until that release is good."""
        before = (await self.state()).release
        await self.change(**spec)
        await self.until(lambda state: state.phase == "Stable" and state.release != before)
        return await self.cpu()


class NotInPlace:
    """A client of a cluster that does not resize pods."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def patch(self, resource, key, *args, **options):
        if resource == PODS and options.get("subresource") == "resize":
            raise OpError("client.patch", ErrorKind.NOT_FOUND, resource.target(key), "404 page not found")
        return await self._client.patch(resource, key, *args, **options)


def run(scenario, *, wrap=lambda client: client, faults=(), pod="web-7d9f8c6b5-abcde", **spec):
    """Live through a scenario with the services that keep applications and sizes; `pod` is one that used something."""

    async def day():
        clock = Clock.virtual()
        async with Twin(clock, nodes=3) as twin, asyncio.TaskGroup() as tasks:
            shop = SizedShop(twin, {})
            source = Remembering(twin.exporters.measurements, clock.now() - 3 * DAY_SECONDS, pod)
            sizing = Platform(wrap(twin.client()), clock, source=source, choices=Choices(services=("sizing",)))
            workloads = Platform(twin.client(), clock, source=source)
            running = [tasks.create_task(each) for each in (workloads.run(), sizing.run(), shop.annotate())]
            await asyncio.sleep(2)
            for each in faults:
                await shop.client.create(FAULTS, each)
            await shop.create(**{"resources": ASKED, "rollout": ROLLING, "replicas": 2, **spec})
            result = await scenario(shop)
            for task in running:
                task.cancel()
            return result

    return run_virtual(day())


def test_sizes_wait_for_the_next_release_and_stay_with_it_for_whoever_wants_it_again():
    async def scenario(shop):
        spec, before = (await shop.app()).spec, await shop.state()
        said = await shop.offered(by="nextRelease")
        assert "app cpu 700m instead of 1" in said.message
        await asyncio.sleep(300)
        assert await shop.state() == before
        assert await shop.cpu() == [1000, 1000]
        assert await shop.released(image="shop/web:1.1") == [700, 700]
        state = await shop.state()
        assert str(state.sized[0].sizes[0]) == "app cpu 700m"
        assert (await shop.app()).spec.resources == spec.resources
        await asyncio.sleep(700)
        await shop.change(image=SICK)
        await shop.phase("RolledBack")
        await shop.client.delete(SIZE_POLICIES, WEB)
        await shop.change(image="shop/web:1.1")
        assert await shop.phase("Stable") == state
        await asyncio.sleep(60)
        assert await shop.cpu() == [700, 700]
        assert await shop.released(image="shop/web:1.2") == [1000, 1000]
        assert (await shop.state()).sized == ()

    run(scenario, faults=[crashing(SICK)])


def test_a_release_that_is_taken_back_goes_back_to_the_old_sizes_and_the_next_has_no_less():
    async def scenario(shop):
        await shop.offered(by="nextRelease")
        await shop.change(image=SICK)
        state = await shop.phase("RolledBack")
        assert "app cpu 700m" in (await shop.conditions())["Ready"].message
        await asyncio.sleep(900)
        assert await shop.state() == state
        assert await shop.cpu() == [1000, 1000]
        assert await shop.released(image="shop/web:3") == [1000, 1000]
        await asyncio.sleep(900)
        assert await shop.released(image="shop/web:4") == [700, 700]

    run(scenario, faults=[crashing(SICK)])


def test_a_policy_may_have_a_release_made_for_sizes_once_pods_have_been_well_for_long(monkeypatch):
    async def scenario(shop):
        await shop.client.create(SIZE_POLICIES, policy(by="ownRelease"))
        await asyncio.sleep(800)
        assert await shop.cpu() == [1000, 1000]
        await asyncio.sleep(900)
        state = await shop.state()
        assert state.phase == "Stable"
        assert state.sized
        assert await shop.cpu() == [700, 700]

    monkeypatch.setattr(upcoming, "OWN_RELEASE_SECONDS", 1200.0)
    run(scenario)


@pytest.mark.parametrize("resizes", [True, False], ids=["in place", "not in place"])
def test_pods_begin_with_the_sizes_that_are_resized_to_and_get_them_anyway_where_nothing_is_resized(resizes):
    async def scenario(shop):
        await shop.offered()
        await asyncio.sleep(1500)
        ready = {each.type: each for each in (await shop.policy()).status.conditions}["Ready"]
        assert (ready.status, ready.reason) == ("True", "Applying")
        assert ("does not resize" in ready.message) is not resizes
        assert (max(await shop.cpu()) < 1000) is resizes
        assert max(await shop.released(image="shop/web:1.1")) <= 700

    run(scenario, wrap=lambda client: client if resizes else NotInPlace(client))


def test_a_canary_is_tried_with_the_sizes_that_it_takes_over_with():
    async def scenario(shop):
        await shop.offered(by="nextRelease")
        await shop.change(image="shop/web:1.1")
        tried = set()
        while (await shop.state()).phase in {"Stable", "Progressing"}:
            tried |= {
                (pod.spec.containers[0].image, milli(pod.spec.containers[0].resources.requests["cpu"]))
                for pod in await shop.pods()
            }
            await asyncio.sleep(1)
        await shop.phase("Stable")
        return tried, await shop.cpu()

    steps = {"strategy": "canary", "steps": [{"weight": 50, "pauseSeconds": 30}]}
    tried, requests = run(scenario, rollout=steps)
    assert tried == {("shop/web:1", 1000), ("shop/web:1.1", 700)}
    assert requests == [700, 700]


@pytest.mark.parametrize("strategy", ["rolling", "canary"])
def test_a_stateful_application_has_sizes_by_the_name_of_its_set_and_goes_back_without_them(strategy):
    async def scenario(shop):
        await shop.offered(by="nextRelease", target={"kind": "StatefulSet", "name": "web"})
        await shop.change(image=SICK)
        await shop.phase("RolledBack")
        await shop.until_all(1000)
        assert await shop.released(image="shop/web:3") == [1000, 1000]
        await asyncio.sleep(900)
        assert await shop.released(image="shop/web:4") == [700, 700]
        [sized] = (await shop.state()).sized
        assert str(sized.sizes[0]) == "app cpu 700m"

    run(scenario, kind="stateful", rollout={"strategy": strategy}, pod="web-0", faults=[crashing(SICK)])


def test_what_is_no_application_is_told_to_write_its_sizes_itself():
    async def scenario(shop):
        await shop.client.create(SIZE_POLICIES, policy(name="alone", target={"name": "alone"}, by="nextRelease"))
        await asyncio.sleep(60)
        [ready] = (await shop.client.get(SIZE_POLICIES, ObjectKey("default", "alone"))).status.conditions
        assert (ready.status, ready.reason) == ("False", "NotAnApplication")

    run(scenario)
