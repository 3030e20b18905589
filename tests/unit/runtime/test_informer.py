"""What the informer's copy survives; random sequences of faults are in tests/property/test_informer.py."""

import asyncio
import contextlib
import copy

import msgspec
import pytest

from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind
from kubewright.runtime.informer import Change, Informer
from tests.unit.runtime.fake_server import BOOKMARK_SECONDS, THINGS, FakeServer, failure, seeded, thing_key


def now():
    return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def following(server, **options):
    """Run an informer; yields it and the list of changes that its handler was told."""
    informer = Informer(server, THINGS, rng=seeded(), **options)
    changes: list[Change] = []
    informer.add_handler(changes.append)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(informer.run())
        await asyncio.sleep(0.1)
        yield informer, changes
        running.cancel()


def summary(changes):
    """Changes as (name, old value, new value)."""
    return [
        (
            change.key.name,
            change.old.spec["value"] if change.old else None,
            change.new.spec["value"] if change.new else None,
        )
        for change in changes
    ]


both_ways = pytest.mark.parametrize("watch_list", [True, False], ids=["by a streamed list", "by a paged list"])


@both_ways
def test_it_holds_what_the_server_has_and_says_that_it_was_there_before(watch_list):
    async def main():
        server = FakeServer()
        server.put("a", 1)
        server.put("b", 2)
        async with following(server, watch_list=watch_list) as (informer, changes):
            assert informer.synced
            assert sorted(informer.index) == [thing_key("a"), thing_key("b")]
            assert summary(changes) == [("a", None, 1), ("b", None, 2)]
            assert all(change.initial for change in changes)

    run_virtual(main())


@both_ways
def test_an_empty_kind_is_in_sync(watch_list):
    async def main():
        async with following(FakeServer(), watch_list=watch_list) as (informer, changes):
            assert informer.synced
            assert changes == []

    run_virtual(main())


@both_ways
def test_it_follows_what_happens(watch_list):
    async def main():
        server = FakeServer()
        async with following(server, watch_list=watch_list) as (informer, changes):
            server.put("a", 1)
            server.put("a", 2)
            server.remove("a")
            await asyncio.sleep(1)
            assert summary(changes) == [("a", None, 1), ("a", 1, 2), ("a", 2, None)]
            assert not any(change.initial for change in changes)
            assert len(informer.index) == 0

    run_virtual(main())


def test_the_index_knows_before_the_handlers_do():
    async def main():
        server = FakeServer()
        seen = []
        async with following(server) as (informer, _):
            informer.add_handler(lambda change: seen.append(informer.index.get(change.key) is change.new))
            server.put("a", 1)
            server.put("a", 2)
            server.remove("a")
            await asyncio.sleep(1)
            assert seen == [True, True, True]

    run_virtual(main())


def test_a_handler_that_comes_late_is_told_what_there_is_as_no_news():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server) as (informer, _):
            late = []
            informer.add_handler(late.append)
            server.put("b", 2)
            await asyncio.sleep(1)
            assert summary(late) == [("a", None, 1), ("b", None, 2)]
            assert [change.initial for change in late] == [True, False]

    run_virtual(main())


def test_a_handler_that_fails_keeps_news_from_nobody():
    async def main():
        server = FakeServer()
        informer = Informer(server, THINGS)
        told = []

        def broken(change):
            raise ValueError(change.key)

        informer.add_handler(broken)
        informer.add_handler(told.append)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(informer.run())
            await informer.wait_synced()
            server.put("a", 1)
            server.put("b", 2)
            await asyncio.sleep(1)
            running.cancel()
        assert summary(told) == [("a", None, 1), ("b", None, 2)]

    run_virtual(main())


@pytest.mark.parametrize(
    ("error", "wait_at_most_seconds"),
    [
        pytest.param(None, 0.01, id="ended by the server: at once"),
        pytest.param(failure(ErrorKind.UNAVAILABLE), 1.7, id="connection reset: after the shortest back-off"),
        pytest.param(failure(ErrorKind.TIMEOUT, "no bytes for 70 s"), 1.7, id="half-open connection given up"),
    ],
)
def test_a_watch_that_ends_goes_on_from_the_last_version(error, wait_at_most_seconds):
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server) as (_, changes):
            await asyncio.sleep(100)
            server.freeze()
            server.put("a", 2)
            server.end_watches(error)
            server.freeze(frozen=False)
            await asyncio.sleep(wait_at_most_seconds)
            assert summary(changes)[1:] == [("a", 1, 2)]
            assert server.calls == ["watch", "watch"]

    run_virtual(main())


@both_ways
def test_after_a_gap_that_history_does_not_cover_only_the_differences_are_told(watch_list):
    async def main():
        server = FakeServer()
        for name in ("same", "changed", "gone", "replaced"):
            server.put(name, 1)
        async with following(server, watch_list=watch_list) as (informer, changes):
            server.freeze()
            old_uid = informer.index.get(thing_key("replaced")).metadata.uid
            server.put("changed", 2)
            server.remove("gone")
            server.remove("replaced")
            server.put("replaced", 3)
            server.put("new", 4)
            server.put("brief", 5)
            server.remove("brief")
            server.compact()
            server.freeze(frozen=False)
            del changes[:]
            await asyncio.sleep(5)
            assert sorted(summary(changes)) == [
                ("changed", 1, 2),
                ("gone", 1, None),
                ("new", None, 4),
                ("replaced", 1, 3),
            ]
            assert not any(change.initial for change in changes)
            replaced = next(change for change in changes if change.key.name == "replaced")
            assert replaced.old.metadata.uid == old_uid != replaced.new.metadata.uid

    run_virtual(main())


def test_events_that_come_twice_are_told_once():
    async def main():
        server = FakeServer()
        async with following(server) as (informer, changes):
            server.put("a", 1)
            await asyncio.sleep(1)
            informer._version = "0"  # a server that sends again what was seen
            server.end_watches()
            await asyncio.sleep(5)
            assert summary(changes) == [("a", None, 1)]

    run_virtual(main())


def test_an_old_deletion_does_not_remove_the_namesake_that_came_after():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server) as (informer, changes):
            first = informer.index.get(thing_key("a"))
            server.remove("a")
            server.put("a", 2)
            await asyncio.sleep(1)
            informer._remove(first.key, first)
            assert informer.index.get(thing_key("a")).spec["value"] == 2
            assert summary(changes) == [("a", None, 1), ("a", 1, None), ("a", None, 2)]

    run_virtual(main())


def test_a_server_that_is_away_is_asked_again_ever_more_rarely_and_then_followed():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        server.failures["watch"].extend(failure() for _ in range(8))
        async with following(server) as (informer, _):
            assert "connection reset" in informer.problem
            await informer.wait_synced()
            # 0.8 + 1.6 + 3.2 + 6.4 + 12.8 + 25.6 + 30 + 30, each stretched by up to its double
            assert 110.4 <= now() <= 220.8
            await asyncio.sleep(1)
            assert informer.problem == ""

    run_virtual(main())


def test_a_watch_of_what_is_quiet_is_well_although_nothing_was_ever_told():
    async def main():
        server = FakeServer()
        async with following(server) as (informer, _):
            server.failures["watch"].append(failure())
            server.end_watches()
            await asyncio.sleep(0.1)
            assert "connection reset" in informer.problem
            await asyncio.sleep(BOOKMARK_SECONDS / 2)
            server.end_watches()
            await asyncio.sleep(0.1)
            assert informer.problem == ""
            assert server.calls[-2:] == ["watch", "watch"]

    run_virtual(main())


def test_the_index_serves_the_last_copy_while_the_server_is_away():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server) as (informer, changes):
            server.failures["watch"].extend(failure() for _ in range(3))
            server.end_watches(failure())
            await asyncio.sleep(1)
            assert informer.index.get(thing_key("a")).spec["value"] == 1
            assert len(changes) == 1
            server.put("a", 2)
            await asyncio.sleep(60)
            assert summary(changes)[1:] == [("a", 1, 2)]

    run_virtual(main())


def test_a_server_that_ends_watches_as_soon_as_they_begin_is_not_hammered():
    async def main():
        server = FakeServer()
        async with following(server) as (_, _changes):
            calls = len(server.calls)
            for _ in range(1000):
                server.end_watches()
                await asyncio.sleep(0.1)
            assert len(server.calls) - calls < 20

    run_virtual(main())


def test_a_server_that_does_not_stream_lists_is_asked_for_pages_at_once():
    async def main():
        server = FakeServer(streams_lists=False)
        server.put("a", 1)
        async with following(server, watch_list=True) as (informer, changes):
            assert informer.synced
            assert server.calls == ["watch", "list", "watch"]
            server.put("b", 2)
            await asyncio.sleep(1)
            assert summary(changes) == [("a", None, 1), ("b", None, 2)]

    run_virtual(main())


def test_a_stream_that_ends_before_its_list_is_whole_leaves_the_index_as_it_was():
    async def main():
        server = FakeServer()
        for name in ("a", "b", "c"):
            server.put(name, 1)
        whole = server._initial_events
        server._initial_events = lambda resource: whole(resource)[:2]
        async with asyncio.TaskGroup() as group:
            informer = Informer(server, THINGS)
            running = group.create_task(informer.run())
            await asyncio.sleep(1)
            assert len(informer.index) == 0
            assert not informer.synced
            server.end_watches()
            await informer.wait_synced()
            assert len(informer.index) == 3
            assert server.calls == ["watch", "list", "watch"]
            running.cancel()

    run_virtual(main())


def test_a_stream_that_is_cut_off_before_its_list_is_whole_is_not_begun_again():
    async def main():
        server = FakeServer()
        for name in ("a", "b", "c"):
            server.put(name, 1)
        whole = server._initial_events
        server._initial_events = lambda resource: whole(resource)[:2]
        async with asyncio.TaskGroup() as group:
            informer = Informer(server, THINGS, rng=seeded())
            running = group.create_task(informer.run())
            await asyncio.sleep(1)
            server.end_watches(failure())
            async with asyncio.timeout(60):
                await informer.wait_synced()
            assert len(informer.index) == 3
            assert server.calls == ["watch", "list", "watch"]
            running.cancel()

    run_virtual(main())


@both_ways
def test_an_object_that_does_not_decode_is_reported_and_the_others_go_on(watch_list):
    async def main():
        server = FakeServer()
        server.put("good", 1)
        server.put("bad", "not a number")
        informer = Informer(server, THINGS, watch_list=watch_list)
        reported = []
        informer.on_undecodable(lambda key, error: reported.append((key, error)))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(informer.run())
            await informer.wait_synced()
            assert list(informer.index) == [thing_key("good")]
            assert [key for key, _ in reported] == [thing_key("bad")]
            assert "spec" in reported[0][1]
            server.put("bad", "still not")
            server.put("good", 2)
            await asyncio.sleep(1)
            assert len(reported) == 2
            assert informer.index.get(thing_key("good")).spec["value"] == 2
            server.put("bad", 3)
            await asyncio.sleep(1)
            assert informer.index.get(thing_key("bad")).spec["value"] == 3
            running.cancel()

    run_virtual(main())


@both_ways
def test_an_object_that_no_longer_decodes_keeps_its_last_good_state_until_it_is_gone(watch_list):
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server, watch_list=watch_list) as (informer, changes):
            server.put("a", "broken")
            await asyncio.sleep(1)
            server.compact()
            server.end_watches(failure(ErrorKind.EXPIRED))
            await asyncio.sleep(5)
            assert informer.index.get(thing_key("a")).spec["value"] == 1
            server.remove("a")
            await asyncio.sleep(1)
            assert summary(changes) == [("a", None, 1), ("a", 1, None)]

    run_virtual(main())


def test_bookmarks_move_the_version_on_while_only_others_change():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server) as (_, changes):
            for number in range(20):
                server.put(f"other-{number}", plural="others")
            await asyncio.sleep(2 * BOOKMARK_SECONDS)
            server.compact()
            server.end_watches()
            await asyncio.sleep(5)
            server.put("a", 2)
            await asyncio.sleep(1)
            assert summary(changes) == [("a", None, 1), ("a", 1, 2)]
            assert server.calls == ["watch", "watch"]

    run_virtual(main())


def test_the_index_has_the_indexers_that_it_was_given():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        server.put("b", 1)
        async with following(server, indexers={"value": lambda thing: (thing.spec["value"],)}) as (informer, _):
            assert [thing.key.name for thing in informer.index.by("value", 1)] == ["a", "b"]

    run_virtual(main())


def test_cancelling_closes_the_watch():
    async def main():
        server = FakeServer()
        async with following(server):
            assert server.watching == 1
        assert server.watching == 0

    run_virtual(main())


def written(server, name, value):
    """Write as a client of the same process would, and return the server's answer."""
    return msgspec.convert(server.put(name, value), THINGS.type)


def test_what_was_written_here_is_known_before_the_watch_tells_and_told_once():
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server) as (informer, changes):
            server.freeze()
            informer.wrote(written(server, "a", 2))
            informer.wrote(written(server, "b", 1))
            assert informer.index.get(thing_key("a")).spec == {"value": 2}
            server.freeze(False)
            await asyncio.sleep(1)
            assert summary(changes) == [("a", None, 1), ("a", 1, 2), ("b", None, 1)]

    run_virtual(main())


def test_what_was_there_before_a_write_of_ours_does_not_come_back():
    async def main():
        server = FakeServer()
        async with following(server) as (informer, changes):
            server.put("seen", 0)
            await asyncio.sleep(1)
            server.freeze()
            server.put("a", 1)
            informer.wrote(written(server, "a", 2))
            server.put("a", 3)
            server.freeze(False)
            await asyncio.sleep(1)
            assert summary(changes)[1:] == [("a", None, 2), ("a", 2, 3)]

    run_virtual(main())


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back():
    async def main():
        server = FakeServer()
        async with following(server) as (informer, _):
            answer = written(server, "a", 1)
            server.remove("a")
            await asyncio.sleep(1)
            informer.wrote(answer)
            assert not informer.index.get(thing_key("a"))

    run_virtual(main())


@both_ways
def test_a_list_that_is_older_than_a_write_of_ours_does_not_take_it_away(watch_list):
    async def main():
        server = FakeServer()
        server.put("a", 1)
        async with following(server, watch_list=watch_list) as (informer, changes):
            server.freeze()
            past = copy.deepcopy(server.documents), server.version
            answer = written(server, "b", 1)
            informer.wrote(answer)
            now_there = server.documents, server.version
            server.documents, server.version = past
            server.compact()
            server.end_watches(failure(ErrorKind.EXPIRED))
            await asyncio.sleep(5)
            assert informer.index.get(thing_key("b")) == answer
            server.documents, server.version = now_there
            server.remove("b")
            server.freeze(False)
            await asyncio.sleep(5)
            assert not informer.index.get(thing_key("b"))
            assert summary(changes) == [("a", None, 1), ("b", None, 1), ("b", 1, None)]

    run_virtual(main())


def test_what_the_watch_does_not_follow_is_not_taken_over():
    async def main():
        server = FakeServer()
        server.put("seen", 0)
        elsewhere = Informer(server, THINGS, rng=seeded(), namespace="other")
        labelled = Informer(server, THINGS, rng=seeded(), label_selector="mine")
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(informer.run()) for informer in (elsewhere, labelled)]
            await asyncio.sleep(1)
            answer = written(server, "a", 1)
            for informer in (elsewhere, labelled):
                informer.wrote(answer)
                assert informer.index.get(thing_key("a")) is None
            for task in running:
                task.cancel()

    run_virtual(main())
