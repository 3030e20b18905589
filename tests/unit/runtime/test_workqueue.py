"""The work queue's promises, one by one; all orders of calls are in tests/property/test_workqueue.py."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from kubewright.clock import run_virtual
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.workqueue import LOW_PRIORITY, WorkQueue


def now():
    return asyncio.get_running_loop().time()


async def drain(queue):
    """Take and finish keys until nothing comes for an hour; return them with the time each came at."""
    taken = []
    try:
        while True:
            async with asyncio.timeout(3600):
                key = await queue.get()
            taken.append((now(), key))
            queue.done(key)
    except TimeoutError:
        return taken


def order_of(*adds):
    """Add everything at time 0 and return what comes out, as (time, key)."""

    async def main():
        queue = WorkQueue()
        for key, options in adds:
            queue.add(key, **options)
        return await drain(queue)

    return run_virtual(main())


@pytest.mark.parametrize(
    ("adds", "expected"),
    [
        pytest.param([("a", {}), ("b", {})], [(0, "a"), (0, "b")], id="keys come in the order they were added"),
        pytest.param([("a", {}), ("a", {})], [(0, "a")], id="a key added twice comes once"),
        pytest.param([("a", {"after_seconds": 5}), ("b", {})], [(0, "b"), (5, "a")], id="a deadline is waited for"),
        pytest.param(
            [("a", {"after_seconds": 9}), ("a", {"after_seconds": 4})],
            [(4, "a")],
            id="an earlier deadline wins",
        ),
        pytest.param(
            [("a", {"after_seconds": 4}), ("a", {"after_seconds": 9})],
            [(4, "a")],
            id="a later deadline loses",
        ),
        pytest.param([("a", {"after_seconds": 4}), ("a", {})], [(0, "a")], id="now is earlier than any deadline"),
        pytest.param([("a", {}), ("a", {"after_seconds": 4})], [(0, "a")], id="a key that is due stays due"),
        pytest.param([("a", {"after_seconds": -1})], [(0, "a")], id="a deadline in the past is now"),
        pytest.param(
            [("a", {"priority": LOW_PRIORITY}), ("b", {})], [(0, "b"), (0, "a")], id="low priority comes last"
        ),
        pytest.param(
            [("a", {"priority": LOW_PRIORITY}), ("b", {"priority": LOW_PRIORITY}), ("a", {}), ("c", {})],
            [(0, "a"), (0, "c"), (0, "b")],
            id="the highest priority that a key was added with counts",
        ),
        pytest.param(
            [("a", {}), ("b", {}), ("a", {"priority": LOW_PRIORITY})],
            [(0, "a"), (0, "b")],
            id="adding a key again at a lower priority does not set it back",
        ),
        pytest.param(
            [("a", {"after_seconds": 2}), ("b", {"after_seconds": 1, "priority": LOW_PRIORITY})],
            [(1, "b"), (2, "a")],
            id="a key that is not due yet does not hold up a lower priority",
        ),
    ],
)
def test_order(adds, expected):
    assert order_of(*adds) == expected


def test_a_key_is_not_given_out_twice_at_once_and_runs_again_if_it_was_added_meanwhile():
    async def main():
        queue = WorkQueue()
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await queue.get()
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert await drain(queue) == []

    run_virtual(main())


def test_a_deadline_that_passes_while_the_key_runs_waits_for_done():
    async def main():
        queue = WorkQueue()
        queue.add("a")
        await queue.get()
        queue.add("a", after_seconds=5)
        await asyncio.sleep(20)
        queue.done("a")
        assert await drain(queue) == [(20, "a")]

    run_virtual(main())


def test_retry_doubles_from_5_ms_to_a_minute_until_forgotten():
    async def main():
        queue = WorkQueue()
        queue.add("a")
        waits = []
        for _ in range(18):
            started_at = now()
            await queue.get()
            waits.append(now() - started_at)
            queue.retry("a")
            queue.done("a")
        assert waits[:4] == pytest.approx([0, 0.005, 0.01, 0.02])
        assert waits[13:] == pytest.approx([0.005 * 2**12, 0.005 * 2**13, 60, 60, 60])
        await queue.get()
        queue.forget("a")
        queue.retry("a")
        queue.done("a")
        at = now()
        await queue.get()
        assert now() - at == pytest.approx(0.005)

    run_virtual(main())


def test_each_key_has_its_own_back_off():
    async def main():
        queue = WorkQueue()
        for _ in range(10):
            queue.retry("a")
        queue.retry("b")
        assert await queue.get() == "a"  # the earliest of its deadlines
        queue.done("a")
        assert now() == pytest.approx(0.005)

    run_virtual(main())


def test_a_server_may_ask_for_a_longer_wait_than_the_back_off():
    async def main():
        queue = WorkQueue()
        queue.retry("a", at_least_seconds=7)
        assert await drain(queue) == [(7, "a")]

    run_virtual(main())


def test_what_comes_back_keeps_the_priority_that_it_was_given_out_with():
    async def main():
        queue = WorkQueue()
        queue.add("low", priority=LOW_PRIORITY)
        await queue.get()
        queue.requeue("low", after_seconds=1)
        queue.done("low")
        queue.add("news", after_seconds=1)
        await asyncio.sleep(2)
        assert [key for _, key in await drain(queue)] == ["news", "low"]

    run_virtual(main())


def test_a_worker_that_is_cancelled_when_its_key_arrives_leaves_it_to_another():
    async def main():
        queue = WorkQueue()
        first, second = (asyncio.get_running_loop().create_task(queue.get()) for _ in range(2))
        await asyncio.sleep(0)
        queue.add("a")
        first.cancel()
        assert await asyncio.wait_for(second, 10) == "a"
        assert first.cancelled()

    run_virtual(main())


def test_a_cancelled_worker_is_not_woken_for():
    async def main():
        queue = WorkQueue()
        first, second = (asyncio.get_running_loop().create_task(queue.get()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        queue.add("a")
        assert await asyncio.wait_for(second, 10) == "a"

    run_virtual(main())


def test_idle_means_that_only_deadlines_in_the_future_are_left():
    async def main():
        queue = WorkQueue()
        assert queue.idle
        queue.add("a")
        assert not queue.idle
        await queue.get()
        assert not queue.idle
        queue.requeue("a", after_seconds=30)
        queue.done("a")
        assert queue.idle
        assert len(queue) == 1

    run_virtual(main())


def test_metrics_have_the_names_and_labels_of_client_go():
    async def main():
        registry = CollectorRegistry()
        queue = WorkQueue("apps", metrics=RuntimeMetrics(registry))
        labels = {"name": "apps", "controller": "apps"}

        def value(name, **more):
            return registry.get_sample_value(name, labels | more)

        queue.add("a")
        queue.add("b")
        queue.add("c", priority=LOW_PRIORITY)
        queue.add("d", after_seconds=60)
        assert value("workqueue_depth", priority="0") == 2
        assert value("workqueue_depth", priority="-100") == 1
        assert value("workqueue_adds_total") == 3
        await asyncio.sleep(3)
        await queue.get()
        await queue.get()
        await asyncio.sleep(2)
        assert value("workqueue_depth", priority="0") == 0
        assert value("workqueue_queue_duration_seconds_sum") == pytest.approx(6)
        assert value("workqueue_unfinished_work_seconds") == pytest.approx(4)
        assert value("workqueue_longest_running_processor_seconds") == pytest.approx(2)
        queue.retry("a")
        queue.done("a")
        assert value("workqueue_retries_total") == 1
        assert value("workqueue_work_duration_seconds_sum") == pytest.approx(2)
        queue.add("c")
        assert value("workqueue_depth", priority="-100") == 0
        assert value("workqueue_depth", priority="0") == 1

    run_virtual(main())


def test_on_uvloop_a_key_that_is_due_at_once_does_not_hinder_the_next():
    uvloop = pytest.importorskip("uvloop")

    async def main():
        queue = WorkQueue("q")
        queue.add("a", after_seconds=1e-9)
        queue.add("b", after_seconds=1e-10)
        return {await queue.get(), await queue.get()}

    assert uvloop.run(main()) == {"a", "b"}
