"""Lists: their shape, their order, pages of one snapshot, and which versions may be asked for."""

import base64
import json

import pytest

from tests.contract.asking import eventually, version_of
from tests.contract.manifests import config_map

OURS = "l=1"
INVALID = 'ListOptions.meta.k8s.io "" is invalid: '


@pytest.fixture
async def five(api, namespace):
    maps = api.of("configmaps", namespace)
    for name in ("e", "b", "d", "a", "c"):
        (await maps.create(config_map(name, labels={"l": "1"}))).ok()
    return maps


async def test_a_list_is_in_the_order_of_names(five):
    listed = (await five.list(labelSelector=OURS)).ok()
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "ConfigMapList")
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b", "c", "d", "e"]


async def test_items_of_a_builtin_kind_do_not_repeat_their_kind(five):
    item = (await five.list(labelSelector=OURS)).ok()["items"][0]
    assert "kind" not in item
    assert "apiVersion" not in item


async def test_an_empty_list_has_no_items(api, namespace):
    listed = (await api.of("secrets", namespace).list()).ok()
    assert listed["items"] == []
    assert set(listed["metadata"]) == {"resourceVersion"}


async def test_a_list_of_an_absent_namespace_is_empty(api):
    assert (await api.of("configmaps", "nowhere").list()).ok()["items"] == []


async def test_a_list_over_all_namespaces(five, api, namespace):
    found = (await api.of("configmaps").list(labelSelector=OURS)).ok()["items"]
    here = [item["metadata"]["name"] for item in found if item["metadata"]["namespace"] == namespace]
    assert here == ["a", "b", "c", "d", "e"]


async def test_pages_follow_one_another(five):
    names, page, pages = [], (await five.list(limit=2)).ok(), 1
    names += [item["metadata"]["name"] for item in page["items"]]
    first = page["metadata"]["resourceVersion"]
    assert page["metadata"]["remainingItemCount"] == 4
    while page["metadata"].get("continue"):
        page = (await five.list(limit=2, **{"continue": page["metadata"]["continue"]})).ok()
        assert page["metadata"]["resourceVersion"] == first
        names += [item["metadata"]["name"] for item in page["items"]]
        pages += 1
    assert names == ["a", "b", "c", "d", "e", "kube-root-ca.crt"]
    assert pages == 3
    assert "remainingItemCount" not in page["metadata"]


async def test_all_pages_show_the_state_of_the_first(five):
    page = (await five.list(limit=2)).ok()
    (await five.delete("d")).ok()
    (await five.create(config_map("bb"))).ok()
    (await five.create(config_map("cc"))).ok()
    (await five.merge("e", {"data": {"changed": "later"}})).ok()
    rest = (await five.list(**{"continue": page["metadata"]["continue"]})).ok()
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c", "d", "e", "kube-root-ca.crt"]
    assert "data" not in rest["items"][2]
    assert rest["metadata"]["resourceVersion"] == page["metadata"]["resourceVersion"]


async def test_pages_of_a_selection_do_not_count_the_rest(five):
    page = (await five.list(limit=2, labelSelector=OURS)).ok()
    assert "remainingItemCount" not in page["metadata"]
    assert page["metadata"]["continue"]


async def test_a_limit_as_large_as_the_list_ends_it(five):
    page = (await five.list(limit=5, labelSelector=OURS)).ok()
    assert len(page["items"]) == 5
    assert "remainingItemCount" not in page["metadata"]


@pytest.mark.parametrize(
    ("token", "message"),
    [
        pytest.param("nonsense", "", id="no token at all"),
        pytest.param(
            base64.urlsafe_b64encode(json.dumps({"v": "old", "rv": 1, "start": "x"}).encode()).decode().rstrip("="),
            "server does not recognize this encoded version old",
            id="a token of another version",
        ),
    ],
)
async def test_a_continue_token_that_is_none_is_refused(five, token, message):
    refused = (await five.list(limit=1, **{"continue": token})).refused
    assert (refused.code, refused.reason) == (400, "BadRequest")
    assert refused.message.startswith(f"invalid continue token: continue key is not valid: {message}")


async def test_an_exact_version_shows_the_state_then(five):
    then = (await five.list()).ok()["metadata"]["resourceVersion"]
    (await five.delete("a")).ok()
    names = await five.names(resourceVersion=then, resourceVersionMatch="Exact", labelSelector=OURS)
    assert names == ["a", "b", "c", "d", "e"]
    assert "a" not in await five.names()


async def test_not_older_than_shows_that_version_or_a_newer_one(five):
    made = (await five.create(config_map("f", labels={"l": "1"}))).ok()
    version = made["metadata"]["resourceVersion"]
    listed = (await five.list(resourceVersion=version, resourceVersionMatch="NotOlderThan")).ok()
    assert int(listed["metadata"]["resourceVersion"]) >= version_of(made)
    assert "f" in [item["metadata"]["name"] for item in listed["items"]]


async def test_version_0_may_show_any_state(five):
    listed = (await five.list(resourceVersion=0)).ok()
    assert int(listed["metadata"]["resourceVersion"]) > 0


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        pytest.param(
            {"resourceVersionMatch": "Exact"},
            422,
            f"{INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion "
            "is provided",
            id="a match without a version",
        ),
        pytest.param(
            {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
            422,
            f'{INVALID}resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden '
            'for resourceVersion "0"',
            id="exactly version 0",
        ),
        pytest.param(
            {"resourceVersionMatch": "Nearly", "resourceVersion": "5"},
            422,
            f'{INVALID}resourceVersionMatch: Unsupported value: "Nearly": '
            'supported values: "Exact", "NotOlderThan", ""',
            id="an unknown match",
        ),
        pytest.param(
            {"resourceVersion": "five"},
            400,
            'invalid resource version: resourceVersion: Invalid value: "five": '
            'strconv.ParseUint: parsing "five": invalid syntax',
            id="a version that is no number",
        ),
        pytest.param(
            {"continue": "TOKEN", "resourceVersion": "5"},
            400,
            "specifying resource version is not allowed when using continue",
            id="a token and a version",
        ),
        pytest.param(
            {"limit": "many"}, 400, 'strconv.ParseInt: parsing "many": invalid syntax', id="a limit that is no number"
        ),
        pytest.param(
            {"sendInitialEvents": "true"},
            422,
            f"{INVALID}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            id="initial events of a list",
        ),
    ],
)
async def test_a_list_with_contradicting_options_is_refused(five, query, code, message):
    token = (await five.list(limit=1)).ok()["metadata"]["continue"]
    query = {name: token if value == "TOKEN" else value for name, value in query.items()}
    refused = (await five.list(**query)).refused
    assert (refused.code, refused.message) == (code, message)


async def test_a_version_of_the_future_is_a_timeout(five):
    refused = (await five.list(resourceVersion=10**15, resourceVersionMatch="NotOlderThan", limit=1)).refused
    assert (refused.code, refused.reason) == (504, "Timeout")
    assert refused.message.startswith("Timeout: Too large resource version: 1000000000000000, current: ")


async def test_an_object_is_read_at_any_version_not_older(five):
    async def read():
        # It may be one from before the object was there.
        answer = await five.get("a", resourceVersion=0)
        return answer if answer.status != 404 else None

    assert (await eventually(read)).ok()["metadata"]["name"] == "a"
