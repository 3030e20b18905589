"""Which part of a GPU would have sufficed, by what pods were measured with."""

import asyncio

import msgspec
import pytest

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.scaling.sizing import DAY_SECONDS
from kubewright.series.protocol import Missing, Series, Signal, Why
from kubewright.sizing.gpus import Gpus, GpuUse
from kubewright.sizing.observing import gpu_use

GIB = 1 << 30
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920"}
NOW = 1_800_000_000.0


def node(**labels):
    return msgspec.convert({"metadata": {"name": "n", "labels": {**A100, **labels}}}, Node)


def pod(name="web-0", *more, **limits):
    main = {"name": "main", "resources": {"limits": limits or {"nvidia.com/gpu": "1"}}}
    spec = {"nodeName": "n", "containers": [main, *more]}
    return msgspec.convert({"metadata": {"name": name, "namespace": "default"}, "spec": spec}, Pod)


def advice(*uses, pods=None, labels=None, **more):
    pods = pods or [pod(f"web-{n}") for n in range(len(uses))]
    used = {each.key: use for each, use in zip(pods, uses, strict=False) if use is not None}
    [found] = Gpus({"n": node(**(labels or {}))}, used, **more).advise(pods)
    return found


def use(busy, gib, days=8.0):
    return GpuUse(busy, gib * GIB, days * DAY_SECONDS)


@pytest.mark.parametrize(
    ("measured", "percent", "memory", "profile", "saves"),
    [
        pytest.param(use(0.05, 2), 6, "2356Mi", "1g.10gb", 940, id="the smallest instance"),
        pytest.param(use(0.05, 10), 6, "11776Mi", "1g.20gb", 856, id="its memory decides"),
        pytest.param(use(0.2, 2), 23, "2356Mi", "2g.20gb", 770, id="its time decides"),
        pytest.param(use(0.5, 2), 58, "2356Mi", "", 420, id="too busy for any, since 4 of 7 are a little less"),
        pytest.param(use(0.45, 2), 52, "2356Mi", "4g.40gb", 480, id="four of seven"),
        pytest.param(use(0.05, 60), 6, "69Gi", "", 137, id="more memory than an instance has"),
    ],
)
def test_the_smallest_part_that_would_have_sufficed_is_told(measured, percent, memory, profile, saves):
    found = advice(measured)
    assert (found.share_percent, found.share_memory, found.profile) == (percent, memory, profile)
    assert (found.saves_milli, found.days, found.why) == (saves, "8.0", "")


def test_the_pod_that_used_most_decides_for_all_of_them():
    found = advice(use(0.05, 30), use(0.3, 2), None)
    assert (found.pods, found.busy_percent, found.used_memory) == (3, 30, "30Gi")
    assert (found.share_percent, found.share_memory, found.profile) == (35, "35328Mi", "3g.40gb")
    assert found.saves_milli == 3 * (1000 - 432)


@pytest.mark.parametrize(
    ("measured", "more", "why"),
    [
        pytest.param(use(0.9, 2), {}, "a whole one", id="busy"),
        pytest.param(use(0.1, 75), {}, "a whole one", id="full"),
        pytest.param(use(0.0, 1), {}, "not used at all", id="idle"),
        pytest.param(use(0.1, 1, days=0.02), {}, "less than an hour", id="new"),
        pytest.param(None, {}, "not measured", id="not measured"),
        pytest.param(None, {"problem": "GPUs: connection refused"}, "refused", id="the store is down"),
        pytest.param(use(0.1, 1), {"pods": [pod(**{"nvidia.com/gpu": "4"})]}, "several", id="four GPUs"),
        pytest.param(use(0.1, 1), {"pods": [pod(**{"nvidia.com/gpu.shared": "1"})]}, "a share", id="a replica"),
        pytest.param(
            use(0.1, 1), {"labels": {"nvidia.com/gpu.sharing-strategy": "mps"}}, "a share", id="a node that shares"
        ),
        pytest.param(
            use(0.1, 1), {"pods": [pod(**{"nvidia.com/gpu": "1", "nvidia.com/gpucores": "30"})]}, "a share", id="cores"
        ),
        pytest.param(use(0.1, 1), {"pods": [pod(**{"nvidia.com/mig-1g.10gb": "1"})]}, "an instance", id="an instance"),
    ],
)
def test_where_nothing_is_advised_it_says_why(measured, more, why):
    found = advice(measured, **more)
    assert (found.share_percent, found.profile) == (0, "")
    assert why in found.why
    assert found.saves_milli == (1000 if "not used" in why else 0)


def test_a_pod_on_a_node_that_is_not_known_gets_no_advice_and_one_without_gpus_is_not_named():
    [found] = Gpus({}, {}).advise([pod()])
    assert found.why == "its node is not known"
    assert Gpus({"n": node()}).advise([pod(cpu="1")]) == ()


def test_a_model_without_instances_has_shares_alone():
    found = advice(use(0.3, 4), labels={"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.memory": "15360"})
    assert (found.share_percent, found.share_memory, found.profile) == (35, "4711Mi", "")


class Store:
    """Two days of five-minute measurements of one pod: busy once, and with much memory once."""

    def __init__(self, *missing):
        self.missing, self.asked = missing, 0

    async def range(self, query, span):
        self.asked += 1
        if query.signal in self.missing:
            return Missing(Why.UNAVAILABLE, "connection refused")
        if span.end <= NOW - 2 * DAY_SECONDS:
            return Missing(Why.NO_DATA)
        usual, most = (0.1, 0.4) if query.signal is Signal.GPU else (GIB, 3 * GIB)
        points = [(span.start + n * span.step_seconds, usual) for n in range(288)]
        points[100] = (points[100][0], most)
        return (Series({"namespace": "default", "pod": "web-0"}, tuple(points)),)


def test_the_most_of_days_is_asked_in_pieces():
    store = Store()
    used, problem = asyncio.run(gpu_use(store, NOW))
    assert used == {ObjectKey("default", "web-0"): GpuUse(0.4, 3 * GIB, 2 * DAY_SECONDS)}
    assert (problem, store.asked) == ("", 16)


def test_a_store_that_does_not_answer_is_told_of_and_asked_once_for_each():
    store = Store(Signal.GPU, Signal.GPU_MEMORY)
    used, problem = asyncio.run(gpu_use(store, NOW))
    assert (used, store.asked) == ({}, 2)
    assert "connection refused" in problem
