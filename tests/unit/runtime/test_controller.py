import asyncio
import contextlib
import logging

import pytest
from prometheus_client import CollectorRegistry

from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind
from kubewright.runtime.controller import Controller, Done, RequeueAfter, watch_mapped, watch_own, watch_owned
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.workqueue import LOW_PRIORITY, WorkQueue
from tests.unit.runtime.fake_server import THINGS, FakeServer, failure, seeded, thing_key

OWNERS = Resource("example.com", "v1", "owners", "Owner", KubeObject)


class Scripted:
    """A Reconciler that does what is scripted for each call, then is Done; notes when it ran and for what."""

    def __init__(self, *script, takes_seconds=0.0):
        self.script = list(script)
        self.takes_seconds = takes_seconds
        self.runs = []
        self.running = 0
        self.most_running = 0

    async def reconcile(self, key):
        self.runs.append((round(asyncio.get_running_loop().time(), 3), key))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.takes_seconds)
            step = self.script.pop(0) if self.script else Done()
            if isinstance(step, BaseException):
                raise step
            return step if not callable(step) else await step()
        finally:
            self.running -= 1


class Bench:
    """A controller with its queue and the figures it exposes."""

    def __init__(self, reconciler, **options):
        self.registry = CollectorRegistry()
        metrics = RuntimeMetrics(self.registry)
        self.queue = WorkQueue("test", metrics=metrics)
        self.controller = Controller("test", reconciler, self.queue, metrics=metrics, **options)

    @contextlib.asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.controller.run())
            yield self
            task.cancel()

    def value(self, name, **labels):
        return self.registry.get_sample_value(f"controller_runtime_{name}", {"controller": "test", **labels})


def times_of(*script, seconds=1000.0, **options):
    """Run one key through the script; return when it ran, and the bench."""

    async def main():
        reconciler = Scripted(*script)
        bench = Bench(reconciler, **options)
        async with bench.running():
            bench.queue.add("a")
            await asyncio.sleep(seconds)
        return [at for at, _ in reconciler.runs], bench

    return run_virtual(main())


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param([Done()], [0], id="done: not again"),
        pytest.param([RequeueAfter(30), RequeueAfter(30)], [0, 30, 60], id="requeue after: again after that long"),
        pytest.param([failure(), failure()], [0, 0.005, 0.015], id="a failure backs off, longer each time"),
        pytest.param(
            [failure(ErrorKind.FORBIDDEN), failure(ErrorKind.INVALID)],
            [0, 0.005, 0.015],
            id="what the server refuses backs off too: it may be mended from outside",
        ),
        pytest.param([ValueError("bug"), KeyError("bug")], [0, 0.005, 0.015], id="a bug backs off"),
        pytest.param(
            [failure(), RequeueAfter(30), failure()],
            [0, 0.005, 30.005, 30.01],
            id="a success ends the back-off",
        ),
        pytest.param(
            [failure(ErrorKind.EXHAUSTED, "429", retry_after_seconds=7)], [0, 7], id="a Retry-After is waited for"
        ),
        pytest.param([asyncio.CancelledError()], [0, 0.005], id="awaiting something cancelled elsewhere is a bug"),
        pytest.param([TimeoutError()], [0, 0.005], id="a foreign timeout is a bug"),
    ],
)
def test_when_a_key_runs_again(script, expected):
    assert times_of(*script)[0] == expected


@pytest.mark.parametrize(
    ("step", "result", "counted"),
    [
        pytest.param(Done(), "success", set(), id="done"),
        pytest.param(RequeueAfter(5000), "requeue_after", set(), id="requeue after"),
        pytest.param(failure(), "error", {"reconcile_errors_total"}, id="a failure that may pass"),
        pytest.param(
            failure(ErrorKind.INVALID),
            "error",
            {"reconcile_errors_total", "terminal_reconcile_errors_total"},
            id="a failure that someone must mend",
        ),
        pytest.param(ValueError("bug"), "error", {"reconcile_errors_total", "reconcile_panics_total"}, id="a bug"),
        pytest.param(
            ExceptionGroup("parallel writes", [failure(), failure(ErrorKind.CONFLICT)]),
            "error",
            {"reconcile_errors_total"},
            id="failures gathered by a task group are failures",
        ),
        pytest.param(
            ExceptionGroup("parallel writes", [failure(), ValueError("bug")]),
            "error",
            {"reconcile_errors_total", "reconcile_panics_total"},
            id="a bug among gathered failures is a bug",
        ),
    ],
)
def test_what_is_counted(step, result, counted):
    _, bench = times_of(step)
    assert bench.value("reconcile_total", result=result) >= 1
    counters = {
        "reconcile_errors_total",
        "terminal_reconcile_errors_total",
        "reconcile_panics_total",
        "reconcile_timeouts_total",
    }
    assert {name for name in counters if bench.value(name)} == counted


def test_a_bug_is_logged_with_its_traceback_and_a_failure_in_one_line(caplog):
    with caplog.at_level(logging.INFO):
        times_of(ValueError("oops"), failure(ErrorKind.FORBIDDEN, "no list on things"), failure(ErrorKind.CONFLICT))
    # What else is logged in this process, of garbage of other cases, is not looked at.
    bug, refused, conflict = [each for each in caplog.records if each.name.startswith("kubewright.")]
    assert bug.levelno == logging.ERROR
    assert isinstance(bug.exc_info[1], ValueError)
    assert (refused.levelno, refused.exc_info) == (logging.WARNING, None)
    assert "test a: client.test Thing: forbidden: no list on things" in refused.getMessage()
    assert conflict.levelno == logging.INFO


def test_a_reconcile_that_takes_too_long_is_cancelled_and_backs_off():
    async def hang():
        await asyncio.sleep(10_000)

    times, bench = times_of(hang, timeout_seconds=5)
    assert times == [0, 5.005]
    assert bench.value("reconcile_timeouts_total") == 1
    assert bench.value("reconcile_panics_total") is None
    assert bench.value("reconcile_time_seconds_sum") == pytest.approx(5)


def test_at_most_so_many_keys_run_at_once_and_no_key_twice():
    async def main():
        reconciler = Scripted(takes_seconds=1)
        bench = Bench(reconciler, concurrency=3)
        async with bench.running():
            for number in range(9):
                bench.queue.add(number)
            await asyncio.sleep(0.5)
            assert bench.value("active_workers") == 3
            assert bench.value("max_concurrent_reconciles") == 3
            bench.queue.add(0)
            await asyncio.sleep(10)
        assert reconciler.most_running == 3
        assert [key for _, key in reconciler.runs] == [*range(9), 0]
        assert [at for at, _ in reconciler.runs] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
        assert bench.value("active_workers") == 0

    run_virtual(main())


def test_one_keys_trouble_does_not_hold_up_the_others():
    async def main():
        class Picky(Scripted):
            async def reconcile(self, key):
                await super().reconcile(key)
                if key == "bad":
                    raise ValueError(key)
                return Done()

        reconciler = Picky()
        bench = Bench(reconciler)
        async with bench.running():
            for key in ("bad", "a", "b"):
                bench.queue.add(key)
            await asyncio.sleep(0.001)
            assert [key for _, key in reconciler.runs] == ["bad", "a", "b"]

    run_virtual(main())


def test_work_begins_when_all_caches_are_whole():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        server.failures["watch"].append(failure())
        informer = Informer(server, THINGS)
        reconciler = Scripted()
        bench = Bench(reconciler, informers=[informer])
        watch_own(informer, bench.queue)
        async with bench.running(), asyncio.TaskGroup() as group:
            bench.queue.add(thing_key("early"))
            following = group.create_task(informer.run())
            await asyncio.sleep(0.5)
            assert reconciler.runs == []
            await asyncio.sleep(5)
            assert {key for _, key in reconciler.runs} == {thing_key("early"), thing_key("a")}
            following.cancel()

    run_virtual(main())


def test_cancelling_ends_a_reconcile():
    async def main():
        finished = []

        async def write():
            await asyncio.sleep(5)
            finished.append(asyncio.get_running_loop().time())
            return Done()

        reconciler = Scripted(write)
        async with Bench(reconciler).running() as bench:
            bench.queue.add("a")
            await asyncio.sleep(1)
        await asyncio.sleep(10)
        assert (reconciler.running, finished) == (0, [])

    run_virtual(main())


def owned_by(name, *, kind="Owner", api_version="example.com/v1", controller=True):
    return [{"apiVersion": api_version, "kind": kind, "name": name, "uid": "u", "controller": controller}]


@contextlib.asynccontextmanager
async def queue_behind(server, wire):
    informer = Informer(server, THINGS, rng=seeded())
    queue = WorkQueue()
    wire(informer, queue)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(informer.run())
        await informer.wait_synced()
        yield queue
        following.cancel()


async def taken(queue):
    keys = []
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(1):
                keys.append(await queue.get())
            queue.done(keys[-1])
    return keys


def test_news_go_before_the_initial_list():
    async def main():
        server = FakeServer()
        server.put("old", 1)
        server.put("touched", 1)
        async with queue_behind(server, watch_own) as queue:
            server.put("touched", 2)
            server.put("new", 1)
            await asyncio.sleep(0.1)
            assert await taken(queue) == [thing_key("touched"), thing_key("new"), thing_key("old")]
            queue.add(thing_key("x"), priority=LOW_PRIORITY)

    run_virtual(main())


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        pytest.param(owned_by("boss"), [ObjectKey("ns", "boss")], id="its controller is queued"),
        pytest.param(owned_by("boss", api_version="example.com/v9"), [ObjectKey("ns", "boss")], id="in any version"),
        pytest.param(owned_by("boss", api_version="other.com/v1"), [], id="not a namesake kind of another group"),
        pytest.param(owned_by("boss", kind="Other"), [], id="not another kind"),
        pytest.param(owned_by("boss", controller=False), [], id="not an owner that does not control it"),
        pytest.param([], [], id="nobody for an orphan"),
    ],
)
def test_a_change_of_a_child_queues_its_owner(references, expected):
    async def main():
        server = FakeServer()
        server.put("child", 1, ownerReferences=references)
        async with queue_behind(server, lambda informer, queue: watch_owned(informer, queue, OWNERS)) as queue:
            assert await taken(queue) == expected
            server.remove("child")
            await asyncio.sleep(0.1)
            assert await taken(queue) == expected

    run_virtual(main())


def test_a_child_that_changes_owner_queues_both():
    async def main():
        server = FakeServer()
        server.put("child", 1, ownerReferences=owned_by("old"))
        async with queue_behind(server, lambda informer, queue: watch_owned(informer, queue, OWNERS)) as queue:
            await taken(queue)
            server.put("child", 1, ownerReferences=owned_by("new"))
            await asyncio.sleep(0.1)
            assert await taken(queue) == [ObjectKey("ns", "old"), ObjectKey("ns", "new")]

    run_virtual(main())


def test_any_mapping_from_object_to_keys_will_do():
    async def main():
        server = FakeServer()
        server.put("a", 3)
        wire = lambda informer, queue: watch_mapped(informer, queue, lambda thing: range(thing.spec["value"]))
        async with queue_behind(server, wire) as queue:
            assert await taken(queue) == [0, 1, 2]

    run_virtual(main())
