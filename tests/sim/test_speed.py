"""Time that passes faster than the wall clock's, with real sockets beside it."""

import asyncio
import time

import pytest

from kubewright.api.core import PODS
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.clock import Clock, FastLoop, loop_speed, run_fast, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.twin.serve import serving
from tests.sim.build import Day

SPEED = 100
HOUR = 3600


def test_sleeps_timers_and_timestamps_hurry_together():
    async def main():
        loop, clock = asyncio.get_running_loop(), Clock.wall()
        assert loop_speed() == 50_000
        begun, stamp = loop.time(), clock.now()
        fired = loop.create_future()
        loop.call_later(HOUR / 2, lambda: fired.set_result(loop.time()))
        await asyncio.sleep(HOUR)
        assert HOUR <= loop.time() - begun < 10 * HOUR
        assert clock.now() - stamp == pytest.approx(loop.time() - begun, rel=0.1)
        assert begun + HOUR / 2 <= fired.result() < loop.time()

    run_fast(main(), 50_000)


def test_the_present_is_where_the_wall_clock_is():
    async def main():
        return Clock.wall().now()

    assert asyncio.run(main()) == pytest.approx(run_fast(main(), SPEED), abs=60)


def test_an_ordinary_and_a_virtual_loop_are_not_fast():
    async def main():
        return loop_speed()

    assert asyncio.run(main()) == 1
    assert run_virtual(main()) == 1


def test_a_limit_of_seconds_is_one_of_the_fast_time():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HOUR):
                await asyncio.Event().wait()

    run_fast(main(), 50_000)


def test_what_is_waited_for_hurries_and_what_is_done_does_not():
    async def main():
        loop = asyncio.get_running_loop()
        begun, worked = loop.time(), time.process_time()
        while time.process_time() - worked < 0.05:
            pass
        assert loop.time() - begun < 60
        await asyncio.sleep(HOUR)
        assert HOUR <= loop.time() - begun < HOUR + 60

    run_fast(main(), 50_000)


def test_a_slower_time_passes_no_faster_while_something_is_done():
    async def main():
        begun, worked = asyncio.get_running_loop().time(), time.process_time()
        while time.process_time() - worked < 0.05:
            pass
        passed = asyncio.get_running_loop().time() - begun
        assert passed < (time.process_time() - worked) * 0.6

    run_fast(main(), 0.5)


def test_a_twin_hurries_while_a_client_over_tls_does_not_notice(tmp_path):
    async def main():
        assert isinstance(asyncio.get_running_loop(), FastLoop)
        clock = Clock.wall()
        async with (
            Twin(clock, nodes=2) as twin,
            serving(twin.server, tmp_path / "kubeconfig") as endpoint,
        ):
            client = connect(load(endpoint.kubeconfig))
            day = Day(twin)
            begun = clock.now()
            await day.deploy("web", replicas=2)
            await day.until_complete("web")
            await asyncio.sleep(120)
            # Heartbeats hurried as well: the nodes are as alive as before.
            nodes = (await client.raw("GET", "/api/v1/nodes"))["items"]
            ready = [
                each["status"] for node in nodes for each in node["status"]["conditions"] if each["type"] == "Ready"
            ]
            assert ready == ["True", "True"]
            assert clock.now() - begun > 120
            watch = client.watch(PODS, namespace="default", send_initial_events=True)
            seen = {(await anext(watch)).key.name for _ in range(2)}
            await watch.aclose()
            assert seen == {pod.metadata.name for pod in await day.pods("web")}
            await client.close()

    run_fast(main(), SPEED)
