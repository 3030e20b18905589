"""Keys to be worked on: each once, never twice at once, the earlier deadline first.

Informers' handlers add keys, a Controller's workers take them. What it keeps, whatever is called in whatever order:

- A key is held once. Adding it again keeps the earlier deadline and the higher priority.
- A key that is being worked on is not given out again before `done`; added meanwhile, it runs again afterwards.
- Among keys that are due, the higher priority goes first, and within a priority whichever was due first.
- `retry` waits longer each time, per key, until `forget`.

Everything here is synchronous except `get`, and all on one loop: there is nothing to lock.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kubewright.runtime.backoff import exponential_seconds
from kubewright.runtime.metrics import RuntimeMetrics

K = TypeVar("K", bound=Hashable)

LOW_PRIORITY = -100
"""For initial lists and resyncs: news goes first."""
MAX_BACKOFF_SECONDS = 60.0
"""However often it failed: once the cause is gone, whoever mended it sees within a minute that it was that."""


@dataclass(slots=True, eq=False)
class _Item(Generic[K]):
    """A key that waits. It is replaced, not changed; the heaps skip items that `WorkQueue._items` no longer holds."""

    key: K
    due_at: float
    priority: int
    sequence: int
    due: bool = False


@dataclass(frozen=True, slots=True)
class _Run:
    """A key that was given out and is not done."""

    started_at: float
    priority: int


@dataclass(slots=True)
class _Heaps(Generic[K]):
    """Waiting items by deadline, due items by rank; `sequence` breaks ties, so items are never compared."""

    later: list[tuple[float, int, _Item[K]]] = field(default_factory=list[tuple[float, int, _Item[K]]])
    ready: list[tuple[int, float, int, _Item[K]]] = field(default_factory=list[tuple[int, float, int, _Item[K]]])


class WorkQueue(Generic[K]):
    """A de-duplicating queue with deadlines, priorities and back-off per key (see the module)."""

    def __init__(
        self,
        name: str = "",
        *,
        metrics: RuntimeMetrics | None = None,
        first_backoff_seconds: float = 0.005,
        max_backoff_seconds: float = MAX_BACKOFF_SECONDS,
    ) -> None:
        self._backoff_seconds = (first_backoff_seconds, max_backoff_seconds)
        families = metrics or RuntimeMetrics()
        self.name, self.traces = name, families.traces
        self._metrics = families.queue(name)
        self._metrics.watch_running(self._running_ages_seconds)
        self._items: dict[K, _Item[K]] = {}
        self._running: dict[K, _Run] = {}
        self._failures: dict[K, int] = {}
        self._heaps = _Heaps[K]()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.Handle | None = None
        self._timer_due_at = 0.0
        self._sequence = 0

    def __len__(self) -> int:
        """Return how many keys wait, due or not; those being worked on are not counted unless they were added again."""
        return len(self._items)

    @property
    def idle(self) -> bool:
        """Whether nothing is due and nothing runs: only deadlines in the future are left."""
        return not self._running and not any(item.due for item in self._items.values())

    def add(self, key: K, *, after_seconds: float = 0.0, priority: int = 0) -> None:
        """Ask for `key` to be worked on, now or after a while."""
        now = asyncio.get_running_loop().time()
        due_at = now + max(after_seconds, 0.0)
        old = self._items.get(key)
        if old is not None:
            due_at, priority = min(due_at, old.due_at), max(priority, old.priority)
            if due_at == old.due_at and priority == old.priority:
                return
            if old.due:
                self._count_ready(old, -1)
        self._sequence += 1
        item = self._items[key] = _Item(key, due_at, priority, self._sequence)
        if due_at > now:
            heapq.heappush(self._heaps.later, (due_at, item.sequence, item))
            self._set_timer(due_at)
        else:
            self._make_due(item, first_time=old is None or not old.due)

    def requeue(self, key: K, *, after_seconds: float = 0.0) -> None:
        """Ask for a key that is being worked on once more, at the priority that it was given out with."""
        run = self._running.get(key)
        self.add(key, after_seconds=after_seconds, priority=run.priority if run else 0)

    def retry(self, key: K, *, at_least_seconds: float = 0.0) -> None:
        """Requeue a key that failed: after 5 ms, 10 ms, 20 ms ... a minute, counted since it was last forgotten."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._metrics.retries.inc()
        self.requeue(key, after_seconds=max(exponential_seconds(failures, *self._backoff_seconds), at_least_seconds))

    def forget(self, key: K) -> None:
        """Start the key's back-off again from the shortest: it succeeded."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Wait for a key that is due and not running, and take it: `done` is called when it is finished with."""
        while (item := self._pop()) is None:
            await self._wait()
        now = asyncio.get_running_loop().time()
        self._running[item.key] = _Run(now, item.priority)
        self._metrics.wait_seconds.observe(max(now - item.due_at, 0.0))
        return item.key

    def done(self, key: K) -> None:
        """Say that a key taken by `get` is finished with; if it was added meanwhile it is offered again."""
        run = self._running.pop(key)
        self._metrics.work_seconds.observe(asyncio.get_running_loop().time() - run.started_at)
        item = self._items.get(key)
        if item is not None and item.due:
            self._offer(item)

    def _make_due(self, item: _Item[K], *, first_time: bool) -> None:
        item.due = True
        if first_time:
            self._metrics.adds.inc()
        self._count_ready(item, +1)
        if item.key not in self._running:
            self._offer(item)

    def _offer(self, item: _Item[K]) -> None:
        heapq.heappush(self._heaps.ready, (-item.priority, item.due_at, item.sequence, item))
        self._wake_one()

    def _pop(self) -> _Item[K] | None:
        while self._heaps.ready:
            item = heapq.heappop(self._heaps.ready)[-1]
            if self._items.get(item.key) is item:
                del self._items[item.key]
                self._count_ready(item, -1)
                return item
        return None

    def _count_ready(self, item: _Item[K], change: int) -> None:
        self._metrics.depth(item.priority).inc(change)

    def _set_timer(self, due_at: float) -> None:
        if self._timer is not None:
            if self._timer_due_at <= due_at:
                return
            self._timer.cancel()
        # Not every loop's handle knows when it is due: uvloop's of a time that has passed does not.
        self._timer_due_at = due_at
        self._timer = asyncio.get_running_loop().call_at(due_at, self._on_timer, due_at)

    def _on_timer(self, due_at: float) -> None:
        self._timer = None
        # A loop may call back a clock tick early: then its time is still before the deadline that it was set for.
        now = max(asyncio.get_running_loop().time(), due_at)
        later = self._heaps.later
        while later and (later[0][0] <= now or self._items.get(later[0][-1].key) is not later[0][-1]):
            item = heapq.heappop(later)[-1]
            if self._items.get(item.key) is item:
                self._make_due(item, first_time=True)
        if later:
            self._set_timer(later[0][0])

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake_one()  # woken and cancelled at once: the key is for another
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _running_ages_seconds(self) -> list[float]:
        if not self._running:
            return []
        now = asyncio.get_running_loop().time()
        return [now - run.started_at for run in self._running.values()]
