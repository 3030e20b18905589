"""Signals are real here, time is not: the process signals itself, and the loop hears of it at its next turn."""

import asyncio
import signal

import pytest

from kubewright.clock import run_virtual
from kubewright.runtime import shutdown
from kubewright.runtime.shutdown import run_until_signalled


async def forever(log, *, cleanup_seconds=0.0):
    log.append("began")
    try:
        await asyncio.sleep(1e6)
    finally:
        await asyncio.sleep(cleanup_seconds)
        log.append("cleaned up")


def signal_after(seconds, number):
    asyncio.get_running_loop().call_later(seconds, signal.raise_signal, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_cancels_the_program_and_lets_it_clean_up(number):
    async def main():
        log = []
        signal_after(5, number)
        assert await run_until_signalled(forever(log, cleanup_seconds=3)) is number
        assert log == ["began", "cleaned up"]
        assert asyncio.get_running_loop().time() == pytest.approx(8)
        await asyncio.sleep(60)  # whoever asked for this is not cancelled itself, and nothing gives up later

    run_virtual(main())


def test_a_program_that_ends_by_itself_needs_no_signal():
    async def main():
        return await run_until_signalled(asyncio.sleep(3))

    assert run_virtual(main()) is None


def test_what_the_program_raises_is_raised():
    async def broken():
        await asyncio.sleep(1)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run_virtual(run_until_signalled(broken()))


def test_a_cancellation_from_elsewhere_is_passed_on():
    async def main():
        task = asyncio.get_running_loop().create_task(run_until_signalled(asyncio.sleep(1e6)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())


def test_after_the_grace_period_it_gives_up(monkeypatch):
    gave_up = []
    monkeypatch.setattr(shutdown, "_give_up", lambda seconds: gave_up.append(asyncio.get_running_loop().time()))

    async def main():
        signal_after(5, signal.SIGTERM)
        await run_until_signalled(forever([], cleanup_seconds=100), grace_seconds=25)
        assert gave_up == [pytest.approx(30)]

    run_virtual(main())


def test_a_second_signal_does_what_it_does_by_default():
    async def main():
        signal_after(5, signal.SIGTERM)
        running = asyncio.get_running_loop().create_task(run_until_signalled(forever([], cleanup_seconds=10)))
        await asyncio.sleep(1)
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        await asyncio.sleep(7)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        await running

    run_virtual(main())
