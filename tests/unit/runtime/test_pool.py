import asyncio

import pytest

from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.pool import Result, WorkerPool
from tests.unit.runtime.fake_server import failure


class Work:
    """Sleeps for the argument's seconds; notes what began, what ended and what was cancelled."""

    def __init__(self):
        self.began, self.ended, self.cancelled = [], [], []
        self.running = 0
        self.most_running = 0

    async def __call__(self, seconds):
        self.began.append(seconds)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(seconds)
            self.ended.append(seconds)
        except asyncio.CancelledError:
            self.cancelled.append(seconds)
            raise
        finally:
            self.running -= 1
        return seconds * 10


def test_every_job_has_a_result_under_its_id_in_the_order_in_which_they_end():
    async def main():
        async with WorkerPool(Work(), workers=3).run(zip("abc", (3, 1, 2), strict=True)) as results:
            return [result async for result in results]

    assert run_virtual(main()) == [Result("b", 10), Result("c", 20), Result("a", 30)]


def test_no_jobs_no_results():
    async def main():
        async with WorkerPool(Work(), workers=3).run(()) as results:
            return [result async for result in results]

    assert run_virtual(main()) == []


def test_at_most_so_many_run_at_once_and_all_are_done():
    async def main():
        work = Work()
        async with WorkerPool(work, workers=4).run((number, 1) for number in range(10)) as results:
            ids = [result.job_id async for result in results]
        assert sorted(ids) == list(range(10))
        assert work.most_running == 4
        assert asyncio.get_running_loop().time() == 3

    run_virtual(main())


def test_a_job_that_fails_is_a_result_and_the_others_go_on():
    async def main():
        async def work(number):
            if number == 1:
                raise failure(ErrorKind.ALREADY_EXISTS, "it is there")
            return number

        async with WorkerPool(work, workers=2).run((number, number) for number in range(4)) as results:
            by_id = {result.job_id: result async for result in results}
        assert [number for number, result in by_id.items() if result.failed] == [1]
        assert by_id[3].value() == 3
        with pytest.raises(OpError, match="it is there"):
            by_id[1].value()

    run_virtual(main())


def test_a_bug_ends_the_whole():
    async def main():
        async def work(number):
            await asyncio.sleep(number)
            raise ValueError(number)

        async def consume():
            async with WorkerPool(work, workers=2).run([("a", 1), ("b", 50)]) as results:
                return [result async for result in results]

        with pytest.raises(ExceptionGroup) as raised:
            await consume()
        assert raised.group_contains(ValueError)
        assert asyncio.get_running_loop().time() == 1

    run_virtual(main())


def test_leaving_early_cancels_what_runs_and_begins_nothing_more():
    async def main():
        work = Work()
        async with WorkerPool(work, workers=2).run(enumerate([1, 50, 60, 70])) as results:
            async for result in results:
                assert result == Result(0, 10)
                break
        assert work.running == 0
        assert (work.began, work.ended, sorted(work.cancelled)) == ([1, 50, 60], [1], [50, 60])

    run_virtual(main())


def test_cancelling_whoever_waits_for_results_ends_the_workers_first():
    async def main():
        work = Work()

        async def consume():
            async with WorkerPool(work, workers=2).run(enumerate([50, 60, 70])) as results:
                async for _ in results:
                    pass

        consumer = asyncio.get_running_loop().create_task(consume())
        await asyncio.sleep(1)
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
        assert sorted(work.cancelled) == [50, 60]
        assert work.running == 0

    run_virtual(main())


def test_jobs_are_drawn_only_as_results_are_fetched():
    async def main():
        drawn = []

        def jobs():
            for number in range(100):
                drawn.append(number)
                yield number, 0

        async with WorkerPool(Work(), workers=2).run(jobs()) as results:
            await asyncio.sleep(10)
            assert len(drawn) <= 6
            assert len([result async for result in results]) == 100

    run_virtual(main())


def test_a_pool_without_workers_is_refused():
    with pytest.raises(ValueError, match="worker"):
        WorkerPool(Work(), workers=0)
