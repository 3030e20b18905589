"""Ending in good order when the process is told to: SIGTERM from a kubelet, Ctrl-C from a person.

The first signal cancels the program, whose `finally` blocks then let go of leases and close connections. Whoever does
not want to wait sends a second one, which ends the process at once; so does the end of the grace period.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Sequence

_log = logging.getLogger(__name__)


async def run_until_signalled(
    main: Awaitable[None],
    *,
    grace_seconds: float = 25.0,
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
) -> signal.Signals | None:
    """Await `main`, cancelling it at the first signal; return the signal, or None when `main` ended by itself.

    `grace_seconds` should be less than the pod's terminationGracePeriodSeconds (30 by default).
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  a coroutine runs in a task
    received: list[signal.Signals] = []
    timers: list[asyncio.TimerHandle] = []

    def on_signal(number: signal.Signals) -> None:
        _log.info("%s: ending within %g s", number.name, grace_seconds)
        received.append(number)
        for each in signals:
            loop.remove_signal_handler(each)  # a second signal does what it does by default: it ends the process
        timers.append(loop.call_later(grace_seconds, _give_up, grace_seconds))
        task.cancel()

    for each in signals:
        loop.add_signal_handler(each, on_signal, each)
    try:
        await main
    except asyncio.CancelledError:
        if not received or task.uncancel() > 0:
            raise
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
        for timer in timers:
            timer.cancel()
    return received[0] if received else None


def _give_up(grace_seconds: float) -> None:
    _log.critical("not ended after %g s: giving up", grace_seconds)
    signal.raise_signal(signal.SIGTERM)
