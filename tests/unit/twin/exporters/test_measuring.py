"""The twin's own `MetricSource`, under virtual time."""

import asyncio

import pytest

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.series.protocol import Expression, Missing, PodQuery, Signal, Span, Why
from kubewright.series.windows import buckets, quantile, total
from kubewright.twin.nodes import NodeShape
from tests.unit.twin.exporters.scraping import deployment, on_twin, pod

SHOP = {
    "requests-per-second": "80",
    "cpu": "100m",
    "cpu-per-request": "5m",
    "memory": "100Mi",
    "error-rate": "5%",
    "latency": "20ms",
}


def measured(scenario, **options):
    async def run(scraper):
        return await scenario(scraper, scraper.twin.exporters.measurements)

    return on_twin(run, **options)


async def shop(scraper):
    await scraper.create(deployment("shop", pod("shop", limits={"cpu": "1"}, annotations=SHOP), 2))
    await asyncio.sleep(120)
    listed = await scraper.client.list(PODS, namespace="default")
    return [each.key for each in listed.items]


def test_an_application_is_measured_as_its_profile_says():
    async def scenario(scraper, source):
        pods = await shop(scraper)
        answers = {signal: await source.instant(PodQuery(signal, 60.0, "default")) for signal in Signal}
        return pods, answers

    pods, answers = measured(scenario)
    # From the containers' beginning on, since nobody asked before: not all of it in service.
    assert total(answers[Signal.REQUESTS], pods).value == pytest.approx(80, rel=0.05)
    assert total(answers[Signal.ERRORS], pods).value == pytest.approx(4, rel=0.05)
    assert total(answers[Signal.CPU], pods).mean == pytest.approx(0.1 + 40 * 0.005, rel=0.05)
    assert total(answers[Signal.MEMORY], pods).mean == 100 * (1 << 20)
    assert 0.01 < quantile(buckets(answers[Signal.LATENCY], pods), 0.5) < 0.1
    assert answers[Signal.GPU].why is Why.NO_DATA
    assert answers[Signal.GPU_MEMORY].why is Why.NO_DATA


def test_a_rate_is_over_the_window_once_it_was_asked_before():
    async def scenario(scraper, source):
        await scraper.create(pod("a", annotations={"cpu": "0s:1 100s:1 101s:3 900s:3"}))
        await asyncio.sleep(150)
        await source.instant(PodQuery(Signal.CPU, 30.0))
        await asyncio.sleep(30)
        return await source.instant(PodQuery(Signal.CPU, 30.0))

    found = measured(scenario)
    assert found.by_pod()[ObjectKey("default", "a")].value == pytest.approx(3.0)


def test_the_pods_of_a_silent_node_are_missing_and_not_zero():
    async def scenario(scraper, source):
        await scraper.create(pod("a", annotations={"cpu": "1"}))
        await asyncio.sleep(60)
        before = await source.instant(PodQuery(Signal.CPU))
        for name in scraper.twin.nodes.names:
            scraper.twin.kubelet.kill_node(name)
        return before, await source.instant(PodQuery(Signal.CPU))

    before, after = measured(scenario)
    assert len(before.samples) == 1
    assert isinstance(after, Missing)


def test_a_span_is_answered_as_far_as_readings_go_back():
    async def scenario(scraper, source):
        await scraper.create(pod("a", annotations={"cpu": "1"}))
        for _ in range(10):
            await asyncio.sleep(15)
            await source.instant(PodQuery(Signal.CPU))
        now = scraper.twin.clock.now()
        found = await source.range(PodQuery(Signal.CPU, 15.0), Span(now - 3600, now, 60.0))
        nothing = await source.range(PodQuery(Signal.CPU, 15.0), Span(now - 3600, now - 3000, 60.0))
        return found, nothing

    (series,), nothing = measured(scenario)
    assert series.pod == ("default", "a")
    assert [value for _, value in series.points] == pytest.approx([1.0] * len(series.points))
    assert 2 <= len(series.points) <= 3
    assert nothing.why is Why.NO_DATA


def test_promql_is_for_a_prometheus():
    async def scenario(scraper, source):
        return await source.instant(Expression("up")), await source.range(Expression("up"), Span(0, 1, 1))

    assert [each.why for each in measured(scenario)] == [Why.UNSUPPORTED, Why.UNSUPPORTED]


def test_the_memory_that_a_pod_has_of_its_gpu_is_told_in_bytes():
    async def scenario(scraper, source):
        notes = {"gpu": "75%", "gpu-memory": "50%"}
        await scraper.create(pod("train", limits={"nvidia.com/gpu": "1"}, annotations=notes))
        await asyncio.sleep(60)
        return await source.instant(PodQuery(Signal.GPU_MEMORY))

    [found] = measured(scenario, shape=NodeShape(gpus=1)).samples
    assert found.pod.name == "train"
    assert found.value == pytest.approx(81_559 * (1 << 20) / 2)
