"""A server forgets its history after minutes and events after an hour, as kube-apiserver and etcd do by default."""

import asyncio
import gc
import json
import weakref

import pytest

from kubewright.api.meta import ObjectKey
from kubewright.client.transport import Request
from kubewright.clock import Clock, DeadlockError, run_virtual
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

EVENTS = "/api/v1/namespaces/shop/events"
BUCKET = ("", "events")


async def started():
    server = ApiServer(Clock.virtual(), KindTable.builtin())
    await ask(server, "POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    return server


async def ask(server, method, path, body=None, query=None):
    media = "application/merge-patch+json" if method == "PATCH" else "application/json"
    content = b"" if body is None else json.dumps(body).encode()
    return await server.handle(Request(method, path, query or {}, {"content-type": media}, content))


async def tell(server, name):
    about = {"kind": "Pod", "namespace": "shop", "name": "a"}
    assert (await ask(server, "POST", EVENTS, {"metadata": {"name": name}, "involvedObject": about})).status == 201


def names(server):
    return [record.key.name for record in server.store.list(BUCKET)[0]]


def test_an_event_goes_an_hour_after_its_last_write_and_watches_are_told():
    async def main():
        server = await started()
        await tell(server, "first")
        await tell(server, "second")
        await asyncio.sleep(1800)
        assert (await ask(server, "PATCH", f"{EVENTS}/second", {"count": 2})).status == 200
        watch = (await ask(server, "GET", EVENTS, query={"watch": "true"})).stream
        assert [json.loads(await anext(watch))["type"] for _ in range(2)] == ["ADDED", "ADDED"]
        await asyncio.sleep(1795)
        assert names(server) == ["first", "second"]
        await asyncio.sleep(70)
        assert names(server) == ["second"]
        told = json.loads(await anext(watch))
        assert told["type"] == "DELETED"
        assert told["object"]["metadata"]["name"] == "first"
        assert int(told["object"]["metadata"]["resourceVersion"]) == server.store.revision
        await asyncio.sleep(1800)
        assert names(server) == []

    run_virtual(main())


def test_events_of_a_minute_go_together_but_no_more_than_a_lease_takes():
    async def main():
        server = await started()
        for second in range(55):
            for number in range(20):
                await tell(server, f"e-{second:02d}-{number:02d}")
            await asyncio.sleep(1)
        await asyncio.sleep(3661 - 55)
        assert len(names(server)) == 100
        await asyncio.sleep(51)
        assert names(server) == []

    run_virtual(main())


def test_an_event_that_is_deleted_is_not_missed_later():
    async def main():
        server = await started()
        await tell(server, "gone")
        await ask(server, "DELETE", f"{EVENTS}/gone")
        await tell(server, "new")
        await asyncio.sleep(3700)
        assert names(server) == []

    run_virtual(main())


def test_history_is_kept_for_five_minutes_at_least_and_ten_at_most():
    async def main():
        server = await started()
        begun = server.store.revision
        await asyncio.sleep(1)
        for number in range(12):
            await ask(server, "PATCH", "/api/v1/namespaces/shop", {"metadata": {"labels": {"count": str(number)}}})
            await asyncio.sleep(60)
            if number < 4:
                assert len(server.store.changes_since(("", "namespaces"), begun)) == number + 1
        recent = server.store.revision - 5
        assert len(server.store.changes_since(("", "namespaces"), recent)) == 5
        stream = (
            await ask(server, "GET", "/api/v1/namespaces", query={"watch": "1", "resourceVersion": str(begun)})
        ).stream
        told = json.loads(await anext(stream))
        assert (told["type"], told["object"]["code"]) == ("ERROR", 410)

    run_virtual(main())


def test_a_fork_forgets_what_it_was_forked_with():
    async def main():
        server = await started()
        await tell(server, "before")
        await asyncio.sleep(1000)
        forked = server.fork()
        await tell(forked, "after")
        await asyncio.sleep(2700)
        assert names(server) == []
        assert names(forked) == ["after"]
        assert server.store.get(BUCKET, ObjectKey("shop", "before")) is None

    run_virtual(main())


def test_a_server_that_nobody_has_any_more_is_not_kept_for_its_events():
    async def main():
        server = await started()
        await tell(server, "a")
        dropped = weakref.ref(server.store)
        del server
        for _ in range(3):
            await asyncio.sleep(2000)
        gc.collect()
        assert dropped() is None

    run_virtual(main())


def test_nothing_is_left_to_wait_for_once_all_is_forgotten():
    async def main():
        server = await started()
        await tell(server, "a")
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError):
        run_virtual(main())
