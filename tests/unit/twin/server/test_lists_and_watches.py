from __future__ import annotations

import asyncio
import base64
import json

import pytest

from kubewright.twin import watch as watching
from tests.unit.twin.server.calls import MAPS, Caller, config_map, on_server

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


async def _fill(api: Caller, names: str) -> None:
    for name in names:
        assert (await api.post(MAPS, config_map(name, {"n": name}))).code == 201


def _seen(events: list[dict]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("labelSelector=n=a", ["a"], id="by label"),
        pytest.param("labelSelector=n!=a", ["b", "c"], id="by a label it must not have"),
        pytest.param("fieldSelector=metadata.name=b", ["b"], id="by field"),
        pytest.param("labelSelector=n=a&fieldSelector=metadata.name=b", [], id="both must hold"),
    ],
)
def test_selectors_choose_what_a_list_shows(query: str, names: list[str]):
    async def scenario(api: Caller) -> None:
        await _fill(api, "abc")
        assert (await api.get(f"{MAPS}?{query}")).names == names

    on_server(scenario)


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        pytest.param("fieldSelector=spec.x=1", 400, '"spec.x" is not a known field selector', id="unknown field"),
        pytest.param("labelSelector=a in (", 400, "unable to parse requirement", id="half a selector"),
        pytest.param("resourceVersionMatch=Exact", 422, "forbidden unless resourceVersion is", id="match only"),
        pytest.param("resourceVersion=0&resourceVersionMatch=Exact", 422, "forbidden for resourceVersion", id="of 0"),
        pytest.param("resourceVersion=999", 504, "Too large resource version: 999, current: 1", id="the future"),
        pytest.param("continue=zzz", 400, "invalid continue token", id="a made-up page token"),
        pytest.param("watch=1&sendInitialEvents=true", 422, "requires setting", id="half WatchList"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(query: str, code: int, words: str):
    async def scenario(api: Caller) -> None:
        refused = await api.get(f"{MAPS}?{query}")
        assert refused.code == code
        assert words in refused.body["message"]

    on_server(scenario)


def test_the_pages_of_a_list_are_of_one_moment():
    async def scenario(api: Caller) -> None:
        await _fill(api, "abcde")
        first = await api.get(f"{MAPS}?limit=2")
        assert (first.names, first.metadata["remainingItemCount"]) == (["a", "b"], 3)
        await api.delete(f"{MAPS}/d")
        await _fill(api, "f")
        second = await api.get(f"{MAPS}?limit=5&continue={first.metadata['continue']}")
        assert second.names == ["c", "d", "e"]
        assert second.metadata["resourceVersion"] == first.metadata["resourceVersion"]
        assert "continue" not in second.metadata

    on_server(scenario)


def test_a_page_token_from_before_compaction_is_410_with_a_token_that_goes_on():
    async def scenario(api: Caller) -> None:
        await _fill(api, "abc")
        first = await api.get(f"{MAPS}?limit=1")
        await _fill(api, "d")
        api.store.compact(api.store.revision)
        gone = await api.get(f"{MAPS}?limit=1&continue={first.metadata['continue']}")
        assert (gone.code, gone.body["reason"]) == (410, "Expired")
        rest = await api.get(f"{MAPS}?continue={gone.metadata['continue']}")
        assert rest.names == ["b", "c", "d"]

    on_server(scenario)


def test_a_list_of_an_exact_version_is_that_versions():
    async def scenario(api: Caller) -> None:
        await _fill(api, "ab")
        version = (await api.get(f"{MAPS}/a")).metadata["resourceVersion"]
        assert (await api.get(f"{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")).names == ["a"]
        assert (await api.get(f"{MAPS}?resourceVersion={version}&resourceVersionMatch=NotOlderThan")).names == [
            "a",
            "b",
        ]

    on_server(scenario)


def test_a_page_token_is_the_api_servers_own():
    async def scenario(api: Caller) -> None:
        await _fill(api, "ab")
        token = (await api.get(f"{MAPS}?limit=1")).metadata["continue"]
        decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        assert decoded == {"v": "meta.k8s.io/v1", "rv": api.store.revision, "start": "a\0"}

    on_server(scenario)


def test_answers_take_the_form_that_is_asked_for():
    async def scenario(api: Caller) -> None:
        await _fill(api, "a")
        table = await api.get(MAPS, accept=TABLE)
        assert [column["name"] for column in table.body["columnDefinitions"]] == ["Name", "Data", "Age"]
        assert table.body["rows"][0]["cells"][0] == "a"
        partial = await api.get(f"{MAPS}/a", accept=METADATA)
        assert set(partial.body) == {"kind", "apiVersion", "metadata"}
        assert (await api.get(MAPS, accept="text/html")).code == 406

    on_server(scenario)


def test_a_watch_from_a_version_shows_each_change_after_it():
    async def scenario(api: Caller) -> None:
        await _fill(api, "a")
        version = (await api.get(f"{MAPS}/a")).metadata["resourceVersion"]
        await _fill(api, "b")
        await api.patch(f"{MAPS}/a", {"data": {"k": "v"}})
        await api.delete(f"{MAPS}/b")
        events = await api.watch(f"{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={version}")
        assert _seen(events) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
        versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
        assert versions == sorted(set(versions))

    on_server(scenario)


def test_a_watch_shows_changes_as_they_happen():
    async def scenario(api: Caller) -> None:
        async with asyncio.TaskGroup() as group:
            events = group.create_task(api.watch(f"{MAPS}?watch=1&timeoutSeconds=10"))
            await asyncio.sleep(1)
            await _fill(api, "a")
            await asyncio.sleep(1)
            await api.delete(f"{MAPS}/a")
        assert _seen(events.result()) == [("ADDED", "a"), ("DELETED", "a")]

    on_server(scenario)


def test_a_label_change_is_added_and_deleted_to_watches_that_select_by_it():
    async def scenario(api: Caller) -> None:
        await _fill(api, "a")
        version = api.store.revision
        await api.patch(f"{MAPS}/a", {"metadata": {"labels": {"n": "z"}}})
        query = f"watch=1&timeoutSeconds=1&resourceVersion={version}&labelSelector="
        left = await api.watch(f"{MAPS}?{query}n=a")
        entered = await api.watch(f"{MAPS}?{query}n=z")
        assert _seen(left) == [("DELETED", "a")]
        assert left[0]["object"]["metadata"]["labels"] == {"n": "a"}
        assert left[0]["object"]["metadata"]["resourceVersion"] == str(api.store.revision)
        assert _seen(entered) == [("ADDED", "a")]

    on_server(scenario)


@pytest.mark.parametrize("version", ["", "&resourceVersion=0"], ids=["no version", "version 0"])
def test_a_watch_from_nowhere_begins_with_what_is_there(version: str):
    async def scenario(api: Caller) -> None:
        await _fill(api, "ab")
        assert _seen(await api.watch(f"{MAPS}?watch=1&timeoutSeconds=1{version}")) == [("ADDED", "a"), ("ADDED", "b")]

    on_server(scenario)


def test_initial_events_end_with_a_bookmark_that_says_so():
    async def scenario(api: Caller) -> None:
        await _fill(api, "a")
        query = (
            "watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        )
        events = await api.watch(f"{MAPS}?{query}")
        assert _seen(events)[:2] == [("ADDED", "a"), ("BOOKMARK", "")]
        metadata = events[1]["object"]["metadata"]
        assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert metadata["resourceVersion"] == str(api.store.revision)

    on_server(scenario)


def test_bookmarks_come_each_minute_and_before_the_end_to_those_who_ask():
    async def scenario(api: Caller) -> None:
        asked = await api.watch(f"{MAPS}?watch=1&timeoutSeconds=150&allowWatchBookmarks=true")
        assert [event["type"] for event in asked] == ["BOOKMARK"] * 3
        assert await api.watch(f"{MAPS}?watch=1&timeoutSeconds=150") == []

    on_server(scenario)


def test_a_watch_from_before_compaction_is_an_error_event_with_410():
    async def scenario(api: Caller) -> None:
        await _fill(api, "abc")
        api.store.compact(api.store.revision)
        events = await api.watch(f"{MAPS}?watch=1&timeoutSeconds=9&resourceVersion=1")
        assert [event["type"] for event in events] == ["ERROR"]
        assert events[0]["object"]["code"] == 410
        assert events[0]["object"]["reason"] == "Expired"

    on_server(scenario)


def test_a_table_watch_names_its_columns_once():
    async def scenario(api: Caller) -> None:
        await _fill(api, "ab")
        events = await api.watch(f"{MAPS}?watch=1&timeoutSeconds=1", accept=TABLE)
        assert [bool(event["object"]["columnDefinitions"]) for event in events] == [True, False]
        assert [event["object"]["rows"][0]["cells"][0] for event in events] == ["a", "b"]

    on_server(scenario)


def test_a_watcher_that_does_not_take_its_events_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "BUFFERED_LINES", 3)

    async def scenario(api: Caller) -> None:
        response = await api.raw("GET", f"{MAPS}?watch=1&timeoutSeconds=1000")
        assert response.stream is not None
        await _fill(api, "abcd")
        assert [line async for line in response.stream] == []

    on_server(scenario)


def test_a_closed_watch_ends_and_is_forgotten():
    async def scenario(api: Caller) -> None:
        response = await api.raw("GET", f"{MAPS}?watch=1")
        assert response.stream is not None
        await response.stream.aclose()  # type: ignore[attr-defined]
        await _fill(api, "a")
        assert [line async for line in response.stream] == []

    on_server(scenario)


def test_the_slowest_watches_are_cut_off_when_all_hold_too_much(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "BUFFERED_BYTES", 3000)

    async def scenario(api: Caller) -> None:
        slow, quick = [(await api.raw("GET", f"{MAPS}?watch=1&timeoutSeconds=100")).stream for _ in range(2)]
        assert slow is not None
        assert quick is not None
        for name in "abcdefghijklmnopqrst":
            await _fill(api, name)
            assert json.loads(await anext(quick))["object"]["metadata"]["name"] == name
        assert [line async for line in slow] == []

    on_server(scenario)


def test_what_was_there_before_takes_no_room_and_comes_before_what_changes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "BUFFERED_LINES", 1)
    monkeypatch.setattr(watching, "BUFFERED_BYTES", 1000)

    async def scenario(api: Caller) -> None:
        await _fill(api, "abcdefgh")
        response = await api.raw("GET", f"{MAPS}?watch=1&timeoutSeconds=1")
        assert response.stream is not None
        await _fill(api, "i")
        assert [json.loads(line)["object"]["metadata"]["name"] async for line in response.stream] == list("abcdefghi")

    on_server(scenario)
