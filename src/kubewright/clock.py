"""One time for everything: the event loop's.

Waiting is `asyncio.sleep`; a timestamp is `clock.now()`, an epoch plus the loop's time. On the ordinary loop that is
the wall clock. On `VirtualTimeLoop` the same code lives through a day in seconds, and two runs live through the same
day: when nothing is ready the loop's time jumps to the next timer instead of waiting for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

T = TypeVar("T")

_TLS_HANDSHAKE_SECONDS = 60.0
_TLS_SHUTDOWN_SECONDS = 30.0

VIRTUAL_EPOCH_SECONDS = datetime(2030, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Clock:
    """Timestamps in seconds since 1970: `epoch_seconds` is what they were when the loop's time was 0."""

    epoch_seconds: float

    def now(self) -> float:
        """Return the present time in seconds since 1970; call it from within a running loop."""
        return self.epoch_seconds + asyncio.get_running_loop().time()

    @classmethod
    def wall(cls) -> Clock:
        """Return the clock of the ordinary loop, whose time is the monotonic clock."""
        return cls(time.time() - time.monotonic())  # noqa: TID251  the one place where wall time enters

    @classmethod
    def virtual(cls) -> Clock:
        """Return the clock of a `VirtualTimeLoop`, which starts at a fixed instant."""
        return cls(VIRTUAL_EPOCH_SECONDS)


def loop_speed() -> float:
    """Return how much faster than the wall clock the running loop's time passes: for what the outside world times."""
    loop = asyncio.get_running_loop()
    return loop.speed if isinstance(loop, FastLoop) else 1.0


class DeadlockError(RuntimeError):
    """Everything waits and no timer is set: under virtual time nothing would ever happen again."""


class _WrappedSelector(selectors.BaseSelector):
    """The ordinary selector, for those below that wait in another way."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()


class _JumpingSelector(_WrappedSelector):
    """A selector that adds its timeout to `time_seconds` instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.time_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if ready:
            return ready
        if timeout is None:
            raise DeadlockError("every task waits and no timer is set")
        if timeout > 0:
            self.time_seconds += timeout
        return ready


class _HurriedSelector(_WrappedSelector):
    """A selector whose timeouts are in seconds of a faster time, which it keeps.

    What is waited for hurries; what is done takes as long as the processor does. On a machine that is slow, or busy
    with others, time goes on more slowly rather than past what should have been done by then.
    """

    def __init__(self, speed: float, started: float) -> None:
        super().__init__()
        self._speed = speed
        self._seconds = started
        self._worked = time.process_time()

    def time(self) -> float:
        worked = time.process_time() - self._worked
        return self._seconds + worked * min(1.0, self._speed)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        seconds, begun = self.time(), time.monotonic()  # noqa: TID251  the other place where wall time enters
        ready = self._inner.select(timeout / self._speed if timeout else timeout)
        waited = (time.monotonic() - begun) * self._speed  # noqa: TID251
        self._seconds = seconds + (waited if timeout is None else min(waited, max(timeout, 0.0)))
        self._worked = time.process_time()
        return ready


class FastLoop(asyncio.SelectorEventLoop):
    """An ordinary event loop whose time passes up to `speed` times as fast as the wall clock, from the same present on.

    Timers, sleeps and timestamps all hurry; sockets do not. TLS handshakes are timed by the other side's clock, so
    that their limits are stretched again; whoever else deals with the outside asks `loop_speed`.
    """

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._hurried = _HurriedSelector(speed, time.monotonic())  # noqa: TID251  where wall time enters
        super().__init__(self._hurried)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return seconds of the faster time; at the start they are those of the monotonic clock."""
        return self._hurried.time()

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:
        """Listen as any loop does, with limits on TLS handshakes in wall time."""
        if options.get("ssl"):
            options.setdefault("ssl_handshake_timeout", _TLS_HANDSHAKE_SECONDS * self.speed)
            options.setdefault("ssl_shutdown_timeout", _TLS_SHUTDOWN_SECONDS * self.speed)
        return await super().create_server(*arguments, **options)


def run_wall(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in ordinary time, on uvloop where that is installed: it makes connections cheaper."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        new_event_loop = None
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


def run_fast(main: Coroutine[Any, Any, T], speed: float) -> T:
    """Run `main` to its end with time that passes `speed` times as fast."""
    with asyncio.Runner(loop_factory=lambda: FastLoop(speed)) as runner:
        return runner.run(main)


async def run_beside(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run what `main` returns to its end under a virtual time of its own, in a thread, while the running loop goes on.

    A loop that is itself under virtual time stands still meanwhile: else it would find nothing to do and jump ahead.
    Whoever is cancelled while they wait for it cancels it, too, at its next step, and does not wait for that.
    """
    if isinstance(asyncio.get_running_loop(), VirtualTimeLoop):
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(lambda: run_virtual(main())).result()
    begun: asyncio.Task[Any] | None = None
    given_up = False

    async def begin() -> T:
        nonlocal begun
        begun = asyncio.current_task()
        # Whoever gives up says so before they look for the task: one of the two sees the other.
        if given_up:
            raise asyncio.CancelledError
        return await main()

    try:
        return await asyncio.to_thread(lambda: run_virtual(begin()))
    except asyncio.CancelledError:
        given_up = True
        if begun is not None:
            with contextlib.suppress(RuntimeError):  # its loop may just have ended
                begun.get_loop().call_soon_threadsafe(begun.cancel)
        raise


async def in_slices(steps: Generator[None, None, T], slice_seconds: float) -> T:
    """Run work to its end, and let others run whenever it yields after so many seconds.

    Under virtual time no time passes in it, so that it is done in one piece.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + slice_seconds
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        if loop.time() > until:
            await asyncio.sleep(0)
            until = loop.time() + slice_seconds


class _NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number: asyncio keeps tasks in sets and cancels them in the order of these."""

    def __init__(self, number: int, coro: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


def _make_numbered_task(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **options: Any
) -> asyncio.Task[Any]:
    virtual = cast("VirtualTimeLoop", loop)
    return _NumberedTask(virtual.next_task_number(), cast("Coroutine[Any, Any, Any]", coro), loop=loop, **options)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing is ready, and then at once."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # Timers closer together than this run in one turn; a real clock's resolution would merge them at random. It
        # must exceed a float's spacing at the times reached: finer than a microsecond, a timer due "now" years from
        # the start would never count as due, and the loop would spin.
        self._clock_resolution = 1e-6
        self._tasks_made = 0
        self.set_task_factory(_make_numbered_task)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._jumping.time_seconds

    def next_task_number(self) -> int:
        """Count one more task."""
        self._tasks_made += 1
        return self._tasks_made


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end under virtual time; raises DeadlockError when nothing could ever happen again."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        # Not by `runner.run`: it asks for the handler of interrupts afterwards, and `signal` writes all of `main`'s
        # result out to say that the handler is no number.
        return runner.get_loop().run_until_complete(main)
