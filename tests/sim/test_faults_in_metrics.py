"""What is scraped under faults, and that it goes back to normal when they are lifted."""

import asyncio

import pytest

from kubewright.api.core import PODS
from kubewright.clock import run_virtual
from kubewright.twin.cluster import Clock, Twin
from kubewright.twin.exporters.sources import NodeUse
from kubewright.twin.nodes import NodeShape
from tests.sim.build import Day
from tests.sim.faulty import inject, lift
from tests.unit.twin.exporters.scraping import PROXY, Scraper, pod, value

SHOP = {"pods": {"names": ["shop"]}}


def on_shop(scenario):
    async def main():
        async with Twin(Clock.virtual(), nodes=1, shape=NodeShape(gpus=2)) as twin:
            day, scraper = Day(twin), Scraper(twin)
            shop = pod(
                "shop", ports=(8000,), annotations={"requests-per-second": "100", "cpu": "0.5", "memory": "64Mi"}
            )
            await scraper.create(shop)

            async def ready():
                return (await day.client.list(PODS, namespace="default")).items[0].is_ready

            await day.until(ready)
            await scenario(day, scraper)

    run_virtual(main())


async def served(scraper, seconds=100):
    """Return the shares of errors and the mean latency of some time."""
    before = await scraper.scrape(PROXY.format("shop"))
    await asyncio.sleep(seconds)
    after = await scraper.scrape(PROXY.format("shop"))

    def gained(name, **labels):
        return value(after, name, **labels) - value(before, name, **labels)

    failed, fine = (gained("http_requests_total", code=code) for code in ("500", "200"))
    count, total = (gained(f"http_request_duration_seconds_{part}") for part in ("count", "sum"))
    return failed / (failed + fine), total / count


@pytest.mark.parametrize(
    ("type_", "parameters", "errors", "slower_by"),
    [
        ("BadRelease", {"badRelease": {"errorPercent": 40}}, 0.4, 0),
        ("DnsFailure", {"dnsFailure": {"percent": 10}}, 0.1, 0),
        ("NetworkLoss", {"networkLoss": {"percent": 25}}, 0.25, 0),
        ("NetworkPartition", {}, 1.0, 0),
        ("NetworkDelay", {"networkDelay": {"milliseconds": 150}}, 0.0, 0.3),
    ],
    ids=["bad release", "names", "loss", "partition", "delay"],
)
def test_requests_fail_or_take_longer_while_a_fault_is_in_force(type_, parameters, errors, slower_by):
    async def scenario(day, scraper):
        usual = await served(scraper)
        assert usual[0] == 0
        await inject(day, "fault", type_, SHOP, **parameters)
        failed, latency = await served(scraper)
        assert failed == pytest.approx(errors, abs=0.01)
        # The delay is the median's: the slowest answers raise the mean by more.
        assert slower_by - 0.02 <= latency - usual[1] <= 2 * slower_by + 0.02
        await lift(day, "fault")
        assert await served(scraper) == pytest.approx(usual, abs=0.01)

    on_shop(scenario)


def test_a_bad_release_begins_to_fail_some_time_after_it_has_started():
    async def scenario(day, scraper):
        await inject(day, "bad", "BadRelease", SHOP, badRelease={"afterSeconds": 120})
        assert (await served(scraper, 60))[0] == 0
        await asyncio.sleep(90)
        assert (await served(scraper, 60))[0] == 1

    on_shop(scenario)


def test_stress_shows_in_the_cpu_that_is_used_and_a_leak_in_memory():
    async def scenario(day, scraper):
        async def cores():
            name = "process_cpu_seconds_total"
            before = value(await scraper.scrape(PROXY.format("shop")), name)
            await asyncio.sleep(100)
            return (value(await scraper.scrape(PROXY.format("shop")), name) - before) / 100

        async def megabytes():
            return value(await scraper.scrape(PROXY.format("shop")), "process_resident_memory_bytes") / 2**20

        usual = await cores(), await megabytes()
        await inject(day, "stress", "CpuStress", SHOP, cpuStress={"cores": "2"})
        await inject(day, "leak", "MemoryLeak", SHOP, memoryLeak={"bytesPerSecond": "1Mi"})
        assert await cores() == pytest.approx(usual[0] + 2, abs=0.05)
        assert await megabytes() == pytest.approx(usual[1] + 100, abs=5)
        await lift(day, "stress")
        await lift(day, "leak")
        assert (await cores(), await megabytes()) == pytest.approx(usual, abs=0.05)

    on_shop(scenario)


def test_a_gpu_shows_what_ails_it():
    async def scenario(day, scraper):
        node = scraper.twin.kubelet.node("node-01")

        def ailing():
            gpus = scraper.twin.exporters.devices.on(
                NodeUse(node, day.twin.clock.now(), [], None), day.twin.kubelet.state("node-01").devices
            )
            return [(each.ailment.xid, each.ailment.uncorrectable_rows) for each in gpus]

        await inject(day, "xid", "GpuXid", {"nodes": {}}, gpuXid={"device": 1, "code": 63})
        await inject(day, "ecc", "GpuEcc", {"nodes": {}}, gpuEcc={"device": 1})
        assert ailing() == [(0, 0), (63, 1)]
        await lift(day, "xid")
        assert ailing() == [(0, 0), (0, 1)]
        await lift(day, "ecc")
        assert ailing() == [(0, 0), (0, 0)]

    on_shop(scenario)
