"""Watches: where they start, what they tell, and how they end."""

import pytest

from tests.contract.asking import TABLE, version_of
from tests.contract.manifests import config_map, crd, custom, deployment, schema


@pytest.fixture
def maps(api, namespace):
    return api.of("configmaps", namespace)


INVALID = 'ListOptions.meta.k8s.io "" is invalid: '


def seen(events):
    return [(kind, obj["metadata"]["name"]) for kind, obj in events]


def counts(number):
    return lambda events: len(events) == number


async def here(maps):
    return (await maps.list()).ok()["metadata"]["resourceVersion"]


async def test_a_watch_from_a_version_tells_what_came_after(maps):
    (await maps.create(config_map("before"))).ok()
    start = await here(maps)
    made = (await maps.create(config_map("a", {"k": "1"}))).ok()
    changed = (await maps.merge("a", {"data": {"k": "2"}})).ok()
    (await maps.delete("a")).ok()
    events = await maps.watched(counts(3), resourceVersion=start)
    assert seen(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert events[0][1] == made
    assert events[1][1] == changed


async def test_a_deletion_carries_the_last_state_and_its_own_version(maps):
    made = (await maps.create(config_map("a", {"k": "1"}))).ok()
    (await maps.delete("a")).ok()
    ((_, last),) = await maps.watched(counts(1), resourceVersion=made["metadata"]["resourceVersion"])
    assert last["data"] == {"k": "1"}
    assert version_of(last) > version_of(made)


async def test_a_watch_from_version_0_starts_with_all_there_is(maps):
    (await maps.create(config_map("a"))).ok()
    (await maps.create(config_map("b"))).ok()
    for query in ({"resourceVersion": 0}, {}):
        events = await maps.watched(counts(3), **query)
        assert sorted(seen(events)) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "kube-root-ca.crt")]


async def test_initial_events_end_with_a_marked_bookmark(maps):
    (await maps.create(config_map("a"))).ok()
    query = {
        "sendInitialEvents": True,
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": True,
        "resourceVersion": "",
    }
    events = await maps.watched(lambda events: events[-1][0] == "BOOKMARK", **query)
    assert sorted(seen(events[:-1])) == [("ADDED", "a"), ("ADDED", "kube-root-ca.crt")]
    bookmark = events[-1][1]
    assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert (bookmark["kind"], bookmark["apiVersion"]) == ("ConfigMap", "v1")
    assert version_of(bookmark) >= max(version_of(obj) for _, obj in events[:-1])


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        pytest.param(
            {"sendInitialEvents": "true"},
            422,
            f"{INVALID}resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
            "NotOlderThan",
            id="initial events without a match",
        ),
        pytest.param(
            {"sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
            422,
            f"{INVALID}[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
            'NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
            id="initial events of an exact version",
        ),
        pytest.param(
            {"resourceVersionMatch": "NotOlderThan"},
            422,
            f"{INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless "
            "sendInitialEvents is provided",
            id="a match without initial events",
        ),
        pytest.param(
            {"resourceVersion": "new"},
            500,
            'resourceVersion: Invalid value: "new": strconv.ParseUint: parsing "new": invalid syntax',
            id="a version that is no number",
        ),
        pytest.param(
            {"timeoutSeconds": "soon"},
            400,
            'strconv.ParseInt: parsing "soon": invalid syntax',
            id="a timeout that is no number",
        ),
    ],
)
async def test_a_watch_with_contradicting_options_is_refused(maps, query, code, message):
    refused = (await maps.list(watch="true", **query)).refused
    assert (refused.code, refused.message) == (code, message)


async def test_a_label_change_moves_an_object_into_and_out_of_a_selection(maps):
    start = await here(maps)
    (await maps.create(config_map("a", labels={"l": "no"}))).ok()
    (await maps.merge("a", {"metadata": {"labels": {"l": "yes"}}})).ok()
    (await maps.merge("a", {"data": {"k": "1"}})).ok()
    left = (await maps.merge("a", {"metadata": {"labels": {"l": "no"}}, "data": {"k": "2"}})).ok()
    (await maps.delete("a")).ok()
    (await maps.create(config_map("end", labels={"l": "yes"}))).ok()
    events = await maps.watched(
        lambda events: seen(events)[-1][1] == "end", resourceVersion=start, labelSelector="l=yes"
    )
    assert seen(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "end")]
    gone = events[2][1]
    assert gone["metadata"]["labels"] == {"l": "yes"}
    assert gone["data"] == {"k": "1"}
    assert gone["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]


async def test_a_field_selector_watches_one_object(maps):
    start = await here(maps)
    for name in ("a", "b", "a2"):
        (await maps.create(config_map(name))).ok()
    (await maps.delete("b")).ok()
    events = await maps.watched(counts(2), resourceVersion=start, fieldSelector="metadata.name=b")
    assert seen(events) == [("ADDED", "b"), ("DELETED", "b")]


async def test_the_path_of_one_object_is_read_and_not_watched(maps):
    made = (await maps.create(config_map("a"))).ok()
    assert (await maps.get("a", watch="true")).ok() == made


async def test_delete_and_create_are_two_events_and_two_objects(maps):
    first = (await maps.create(config_map("a"))).ok()
    (await maps.delete("a")).ok()
    second = (await maps.create(config_map("a"))).ok()
    events = await maps.watched(counts(2), resourceVersion=first["metadata"]["resourceVersion"])
    assert seen(events) == [("DELETED", "a"), ("ADDED", "a")]
    assert [obj["metadata"]["uid"] for _, obj in events] == [first["metadata"]["uid"], second["metadata"]["uid"]]


async def test_a_no_op_is_no_event(maps):
    made = (await maps.create(config_map("a", {"k": "1"}))).ok()
    (await maps.update(made)).ok()
    (await maps.merge("a", {"data": {"k": "1"}})).ok()
    (await maps.create(config_map("end"))).ok()
    events = await maps.watched(counts(1), resourceVersion=made["metadata"]["resourceVersion"])
    assert seen(events) == [("ADDED", "end")]


async def test_a_timeout_ends_a_watch(maps):
    start = await here(maps)
    # A new namespace gets a ConfigMap of its own after a while.
    nothing = {"fieldSelector": "metadata.name=absent"}
    assert await maps.watched(lambda events: False, resourceVersion=start, timeoutSeconds=1, **nothing) == []


async def test_a_watch_that_asked_for_bookmarks_gets_one_before_it_times_out(maps):
    start = await here(maps)
    events = await maps.watched(lambda events: False, resourceVersion=start, timeoutSeconds=3, allowWatchBookmarks=True)
    assert {kind for kind, _ in events} <= {"BOOKMARK"}
    for _, bookmark in events:
        assert set(bookmark["metadata"]) == {"resourceVersion"}
        assert version_of(bookmark) >= int(start)


async def test_a_watch_over_all_namespaces(maps, api, namespace):
    start = await here(maps)
    (await maps.create(config_map("a", labels={"l": namespace}))).ok()
    events = await api.of("configmaps").watched(counts(1), resourceVersion=start, labelSelector=f"l={namespace}")
    assert seen(events) == [("ADDED", "a")]


async def test_a_watch_of_tables_tells_rows(maps):
    start = await here(maps)
    (await maps.create(config_map("a", {"k": "1"}))).ok()
    (await maps.merge("a", {"data": {"m": "1"}})).ok()
    first, second = await maps.watched(counts(2), resourceVersion=start, accept=TABLE)
    assert first[1]["kind"] == "Table"
    assert [each["name"] for each in first[1]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert first[1]["rows"][0]["cells"][:2] == ["a", 1]
    assert second[0] == "MODIFIED"
    assert second[1]["rows"][0]["cells"][:2] == ["a", 2]
    assert "columnDefinitions" not in second[1] or second[1]["columnDefinitions"] is None


async def test_a_custom_kind_is_watched_like_any_other(things):
    definition = crd(schema(size={"type": "integer"}))
    collection = await things(definition)
    start = (await collection.list()).ok()["metadata"]["resourceVersion"]
    made = (await collection.create(custom(definition, "a", spec={"size": 1}))).ok()
    events = await collection.watched(counts(1), resourceVersion=start)
    assert events == [("ADDED", made)]


async def test_a_watch_from_a_version_of_the_future_waits_for_it(maps):
    answer = await maps.list(watch="true", resourceVersion=10**15, timeoutSeconds=1)
    assert (answer.status, answer.document) == (200, "")


async def test_a_watch_from_before_memory_is_gone(maps, cluster):
    ((kind, status), *_) = await maps.watched(counts(1), resourceVersion=1)
    if cluster.name == "control-plane" and kind != "ERROR":
        pytest.skip("a control plane that was just started still remembers its first version")
    assert (kind, status["kind"], status["code"], status["reason"]) == ("ERROR", "Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


async def test_watching_an_unknown_kind_is_not_found(api):
    assert (await api.get("/api/v1/gadgets", watch="true")).status == 404


async def test_generation_and_status_changes_are_each_told(api, namespace):
    deployments = api.of("deployments", namespace)
    made = (await deployments.create(deployment("a", 0, paused=True))).ok()
    (await deployments.merge("a", {"status": {"collisionCount": 7}}, "status")).ok()
    events = await deployments.watched(
        lambda events: events[-1][1]["status"].get("collisionCount") == 7,
        resourceVersion=made["metadata"]["resourceVersion"],
    )
    assert {kind for kind, _ in events} == {"MODIFIED"}
