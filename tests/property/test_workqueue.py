"""The work queue against a model, in any order of calls: keys once, not twice at once, earlier deadline, priorities."""

import asyncio
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kubewright.clock import VirtualTimeLoop
from kubewright.runtime.workqueue import WorkQueue

FIRST_BACKOFF_SECONDS = 0.25
MAX_BACKOFF_SECONDS = 4.0

keys = st.sampled_from("abcde")
priorities = st.sampled_from([-100, 0, 0, 10])
# Quarters are exact in binary, so the model's sums equal the queue's.
seconds = st.integers(0, 20).map(lambda quarters: quarters / 4)


@dataclass
class Wanted:
    due_at: float
    priority: int


class WorkQueueMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.queue = self.do(self.make)
        self.wanted: dict[str, Wanted] = {}
        self.running: dict[str, int] = {}
        self.failures: dict[str, int] = {}

    async def make(self):
        return WorkQueue(first_backoff_seconds=FIRST_BACKOFF_SECONDS, max_backoff_seconds=MAX_BACKOFF_SECONDS)

    def do(self, function, *args, **options):
        async def call():
            result = function(*args, **options)
            return await result if asyncio.iscoroutine(result) else result

        return self.loop.run_until_complete(call())

    def teardown(self):
        self.loop.close()

    def expect(self, key, after_seconds, priority):
        due_at = self.loop.time() + after_seconds
        old = self.wanted.get(key)
        if old is not None:
            due_at, priority = min(due_at, old.due_at), max(priority, old.priority)
        self.wanted[key] = Wanted(due_at, priority)

    @rule(key=keys, after_seconds=seconds, priority=priorities)
    def add(self, key, after_seconds, priority):
        self.expect(key, after_seconds, priority)
        self.do(self.queue.add, key, after_seconds=after_seconds, priority=priority)

    @rule(seconds_=seconds)
    def time_passes(self, seconds_):
        self.do(asyncio.sleep, seconds_)

    @rule()
    def take(self):
        ready = {
            key: wanted
            for key, wanted in self.wanted.items()
            if wanted.due_at <= self.loop.time() and key not in self.running
        }
        taken = self.do(self.try_get)
        if not ready:
            assert taken is None
            return
        best = min((-wanted.priority, wanted.due_at) for wanted in ready.values())
        assert taken in {key for key, wanted in ready.items() if (-wanted.priority, wanted.due_at) == best}
        self.running[taken] = self.wanted.pop(taken).priority

    async def try_get(self):
        getting = self.loop.create_task(self.queue.get())
        for _ in range(3):
            await asyncio.sleep(0)
        if getting.done():
            return getting.result()
        getting.cancel()
        await asyncio.wait([getting])
        return None

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from(["done", "requeue", "retry"]), after_seconds=seconds)
    def finish(self, data, outcome, after_seconds):
        key = data.draw(st.sampled_from(sorted(self.running)))
        if outcome == "requeue":
            self.expect(key, after_seconds, self.running[key])
            self.do(self.queue.requeue, key, after_seconds=after_seconds)
        elif outcome == "retry":
            failures = self.failures.get(key, 0)
            self.failures[key] = failures + 1
            wait_seconds = min(FIRST_BACKOFF_SECONDS * 2**failures, MAX_BACKOFF_SECONDS)
            self.expect(key, wait_seconds, self.running[key])
            self.do(self.queue.retry, key)
        else:
            self.failures.pop(key, None)
            self.queue.forget(key)
        del self.running[key]
        self.do(self.queue.done, key)

    @invariant()
    def holds_each_wanted_key_once(self):
        assert len(self.queue) == len(self.wanted)

    @invariant()
    def is_idle_when_nothing_is_due_and_nothing_runs(self):
        due = any(wanted.due_at <= self.loop.time() for wanted in self.wanted.values())
        assert self.do(self.read_idle) == (not due and not self.running)

    async def read_idle(self):
        await asyncio.sleep(0)  # a timer that is due now fires first
        return self.queue.idle


TestWorkQueue = WorkQueueMachine.TestCase
