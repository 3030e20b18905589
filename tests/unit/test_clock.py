import asyncio
import contextlib
import socket
import threading
import time

import pytest

from kubewright import clock
from kubewright.api.meta import rfc3339
from kubewright.clock import (
    VIRTUAL_EPOCH_SECONDS,
    Clock,
    DeadlockError,
    VirtualTimeLoop,
    in_slices,
    run_beside,
    run_virtual,
)


def now():
    return asyncio.get_running_loop().time()


def test_a_day_passes_at_once():
    async def main():
        started = time.monotonic()  # noqa: TID251  that no real time passes is what is tested
        await asyncio.sleep(86_400)
        assert time.monotonic() - started < 3600  # noqa: TID251
        return now()

    assert run_virtual(main()) == 86_400


def test_timestamps_start_at_a_fixed_instant_and_follow_the_loop():
    async def main():
        clock = Clock.virtual()
        assert clock.now() == VIRTUAL_EPOCH_SECONDS
        await asyncio.sleep(90)
        return rfc3339(clock.now())

    assert run_virtual(main()) == "2030-01-01T00:01:30Z"


def test_the_wall_clock_on_the_ordinary_loop_is_the_time_of_day():
    async def main():
        return [time.time(), Clock.wall().now(), time.time()]  # noqa: TID251

    before, ours, after = asyncio.run(main())
    assert before - 1 < ours < after + 1


def test_sleepers_wake_in_the_order_of_their_deadlines_and_ties_in_the_order_they_began():
    async def sleeper(log, name, seconds):
        await asyncio.sleep(seconds)
        log.append((name, now()))

    async def main():
        log = []
        async with asyncio.TaskGroup() as group:
            for name, seconds in (("c", 3), ("a", 1), ("b", 2), ("a2", 1)):
                group.create_task(sleeper(log, name, seconds))
        return log

    assert run_virtual(main()) == [("a", 1), ("a2", 1), ("b", 2), ("c", 3)]


def test_no_time_passes_while_something_is_ready():
    async def main():
        for _ in range(1000):
            await asyncio.sleep(0)
        return now()

    assert run_virtual(main()) == 0


def test_timeouts_are_virtual_too():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return now()

    assert run_virtual(main()) == 3600


def test_waiting_for_what_can_never_happen_is_an_error_and_not_a_hang():
    async def main():
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run_virtual(main())


def test_a_deadlock_lets_the_tasks_clean_up():
    log = []

    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cleaned up")

    with pytest.raises(DeadlockError):
        run_virtual(main())
    assert log == ["cleaned up"]


def test_work_that_is_ready_on_a_socket_goes_before_the_clock():
    async def main():
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.setblocking(False)
            receiving = loop.create_task(loop.sock_recv(one, 10))
            sleeping = loop.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            await loop.sock_sendall(other, b"hello")
            assert await receiving == b"hello"
            assert now() < 60
            await sleeping

    run_virtual(main())


def test_time_stays_exact_over_years():
    async def main():
        for _ in range(100):
            await asyncio.sleep(86_400 * 36.5)
        before = now()
        await asyncio.sleep(0.001)
        return before, now() - before

    before, step = run_virtual(main())
    assert before == 86_400 * 3650
    assert step == pytest.approx(0.001, rel=1e-3)


def test_two_runs_are_the_same_run():
    def run():
        async def worker(log, number):
            for turn in range(5):
                await asyncio.sleep(0.1 * (number % 3) + 0.01 * turn)
                log.append((round(now(), 9), number, turn))

        async def main():
            log = []
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(worker(log, number))
            return log

        return run_virtual(main())

    assert run() == run()


def test_a_group_cancels_its_tasks_in_the_same_order_each_time():
    def run():
        log, garbage = [], []

        async def worker(number):
            try:
                await asyncio.sleep(60)
            finally:
                log.append(number)

        async def main():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1), asyncio.TaskGroup() as group:
                    for number in range(50):
                        garbage.append(bytearray(len(garbage) * 64))  # so that tasks lie elsewhere in memory
                        group.create_task(worker(number))

        run_virtual(main())
        return log

    first = run()
    keep = [bytearray(number * 100) for number in range(100)]
    assert run() == first
    assert sorted(first) == list(range(50))
    del keep


def test_a_loop_starts_at_zero():
    loop = VirtualTimeLoop()
    try:
        assert loop.time() == 0
    finally:
        loop.close()


def test_long_work_lets_others_run_between_its_steps_and_comes_to_the_same():
    def work(log):
        for number in range(3):
            log.append(number)
            yield
        return "done"

    async def main(slice_seconds):
        log = []

        async def other():
            log.append("other")

        async with asyncio.TaskGroup() as group:
            group.create_task(other())
            said = await in_slices(work(log), slice_seconds)
        return said, log

    assert asyncio.run(main(-1.0)) == ("done", [0, "other", 1, 2])
    assert run_virtual(main(1.0)) == ("done", [0, 1, 2, "other"])


def test_what_runs_beside_has_a_time_of_its_own():
    async def main():
        await asyncio.sleep(86_400)
        return now()

    assert asyncio.run(run_beside(main)) == 86_400


def test_what_runs_beside_is_cancelled_when_nobody_waits_for_it_any_more():
    begun, cancelled, over = threading.Event(), threading.Event(), threading.Event()

    async def long():
        begun.set()
        try:
            while not over.is_set():  # noqa: ASYNC110  what is tested is that it does not go on so
                await asyncio.sleep(1)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def main():
        waiting = asyncio.get_running_loop().create_task(run_beside(long))
        assert await asyncio.to_thread(begun.wait, 60)
        waiting.cancel()
        told = await asyncio.to_thread(cancelled.wait, 60)
        over.set()
        assert told
        assert (await asyncio.wait([waiting]))[0] == {waiting}
        assert waiting.cancelled()

    asyncio.run(main())


def test_what_nobody_waits_for_before_its_thread_came_to_it_does_not_begin(monkeypatch):
    reached, given_up, ran = threading.Event(), threading.Event(), []

    def slow_to_begin(main):
        reached.set()
        given_up.wait(60)
        with contextlib.suppress(asyncio.CancelledError):
            run_virtual(main)
        ran.append("over")

    async def long():
        ran.append("begun")

    async def main():
        waiting = asyncio.get_running_loop().create_task(run_beside(long))
        assert await asyncio.to_thread(reached.wait, 60)
        waiting.cancel()
        await asyncio.wait([waiting])
        given_up.set()

    monkeypatch.setattr(clock, "run_virtual", slow_to_begin)
    asyncio.run(main())
    assert ran == ["over"]
