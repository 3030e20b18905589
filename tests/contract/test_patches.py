"""JSON patch and merge patch, and what is refused of every kind of patch."""

import pytest

from tests.contract.asking import APPLY, JSON, JSON_PATCH, MERGE, STRATEGIC, Refusal, invalid
from tests.contract.manifests import config_map, crd, custom, deployment, schema
from tests.contract.test_status import definition_of

UNABLE = Refusal(422, "Invalid", "the server rejected our request due to an error in our request")


def bad_request(message):
    return Refusal(400, "BadRequest", message)


@pytest.fixture
async def maps(api, namespace):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a", {"k": "1", "m": "2"}, labels={"l": "1"}))).ok()
    return maps


@pytest.mark.parametrize(
    ("content_type", "patch", "data"),
    [
        pytest.param(MERGE, {"data": {"k": "9"}}, {"k": "9", "m": "2"}, id="a merge patch changes what it names"),
        pytest.param(MERGE, {"data": {"k": None}}, {"m": "2"}, id="null in a merge patch removes"),
        pytest.param(MERGE, {"data": {"z": None}}, {"k": "1", "m": "2"}, id="null for what is not there is no error"),
        pytest.param(STRATEGIC, {"data": {"k": None, "n": "3"}}, {"m": "2", "n": "3"}, id="a strategic patch likewise"),
        pytest.param(
            STRATEGIC, {"data": {"$patch": "replace", "n": "3"}}, {"n": "3"}, id="a strategic patch may replace a map"
        ),
        pytest.param(
            JSON_PATCH, [{"op": "add", "path": "/data/n", "value": "3"}], {"k": "1", "m": "2", "n": "3"}, id="add"
        ),
        pytest.param(JSON_PATCH, [{"op": "remove", "path": "/data/k"}], {"m": "2"}, id="remove"),
        pytest.param(
            JSON_PATCH, [{"op": "move", "from": "/data/k", "path": "/data/n"}], {"m": "2", "n": "1"}, id="move"
        ),
        pytest.param(
            JSON_PATCH,
            [{"op": "copy", "from": "/data/k", "path": "/data/n"}],
            {"k": "1", "m": "2", "n": "1"},
            id="copy",
        ),
        pytest.param(
            JSON_PATCH,
            [{"op": "test", "path": "/data/k", "value": "1"}, {"op": "replace", "path": "/data/k", "value": "9"}],
            {"k": "9", "m": "2"},
            id="a test that holds lets the rest happen",
        ),
        pytest.param(
            JSON_PATCH,
            [
                {"op": "add", "path": "/data/a~1b~0c", "value": "3"},
                {"op": "move", "from": "/data/a~1b~0c", "path": "/data/d"},
            ],
            {"k": "1", "m": "2", "d": "3"},
            id="slash and tilde are escaped",
        ),
    ],
)
async def test_a_patch_changes_data(maps, content_type, patch, data):
    assert (await maps.patch("a", content_type, patch)).ok()["data"] == data


@pytest.mark.parametrize(
    ("content_type", "patch", "refusal"),
    [
        pytest.param(
            JSON_PATCH,
            [{"op": "test", "path": "/data/k", "value": "other"}],
            UNABLE,
            id="a test that fails",
        ),
        pytest.param(
            JSON_PATCH,
            [{"op": "remove", "path": "/data/absent"}],
            UNABLE,
            id="removing what is not there",
        ),
        pytest.param(JSON_PATCH, [{"op": "fly", "path": "/x"}], UNABLE, id="an unknown operation"),
        pytest.param(MERGE, "{no json", bad_request("invalid JSON patch"), id="a merge patch that is no json"),
        pytest.param(
            STRATEGIC,
            {"data": "text"},
            invalid(' ""', 'patch: Invalid value: "map[data:text]": cannot restore map from string'),
            id="text where a map belongs",
        ),
        pytest.param(
            JSON,
            {"data": {}},
            Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type"),
            id="an unknown media type",
        ),
        pytest.param(
            MERGE,
            {"metadata": {"name": "b"}},
            bad_request("the name of the object (b) does not match the name on the URL (a)"),
            id="another name",
        ),
        pytest.param(
            MERGE,
            {"metadata": {"namespace": "default"}},
            bad_request("the namespace of the provided object does not match the namespace sent on the request"),
            id="another namespace",
        ),
        pytest.param(
            MERGE,
            {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}},
            invalid(
                'ConfigMap "a"',
                'metadata.uid: Invalid value: "00000000-0000-0000-0000-000000000000": field is immutable',
            ),
            id="another uid",
        ),
        pytest.param(
            APPLY,
            config_map("a"),
            invalid('PatchOptions.meta.k8s.io ""', "fieldManager: Required value: is required for apply patch"),
            id="an apply without a manager",
        ),
    ],
)
async def test_a_patch_is_refused(maps, content_type, patch, refusal):
    before = (await maps.get("a")).ok()
    assert (await maps.patch("a", content_type, patch)).refused == refusal
    assert (await maps.get("a")).ok() == before


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        pytest.param(JSON_PATCH, {"op": "remove"}, id="a json patch that is no list"),
        pytest.param(MERGE, [1], id="a merge patch that is a list"),
    ],
)
async def test_a_patch_of_another_shape_is_refused(maps, content_type, patch):
    refused = (await maps.patch("a", content_type, patch)).refused
    assert (refused.code, refused.reason) == (400, "BadRequest")
    assert refused.message.startswith("error decoding patch: json: cannot unmarshal ")


async def test_a_patch_that_leaves_a_number_where_text_belongs_is_refused(maps):
    refused = (await maps.merge("a", {"data": {"k": 1}})).refused
    assert (refused.code, refused.fields) == (422, {"patch": "FieldValueInvalid"})
    assert refused.message.endswith("cannot unmarshal number into Go struct field ConfigMap.data of type string")


async def test_a_json_patch_may_replace_what_is_not_there_in_a_map(maps):
    patched = await maps.patch("a", JSON_PATCH, [{"op": "replace", "path": "/data/n", "value": "3"}])
    assert patched.ok()["data"] == {"k": "1", "m": "2", "n": "3"}


async def test_patching_what_is_not_there_is_not_found(maps):
    refused = (await maps.merge("absent", {"data": {"k": "1"}})).refused
    assert refused == Refusal(404, "NotFound", 'configmaps "absent" not found')


async def test_a_json_patch_to_a_list_position(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0))).ok()
    container = "/spec/template/spec/containers"
    patched = (
        await deployments.patch(
            "a",
            JSON_PATCH,
            [
                {"op": "add", "path": f"{container}/0", "value": {"name": "first", "image": "i"}},
                {"op": "add", "path": f"{container}/-", "value": {"name": "last", "image": "i"}},
                {"op": "replace", "path": f"{container}/1/image", "value": "changed"},
            ],
        )
    ).ok()
    containers = patched["spec"]["template"]["spec"]["containers"]
    assert [(each["name"], each["image"]) for each in containers] == [
        ("first", "i"),
        ("main", "changed"),
        ("last", "i"),
    ]


async def test_a_merge_patch_replaces_lists(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0))).ok()
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "other", "image": "i"}]}}}}
    containers = (await deployments.merge("a", patch)).ok()["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in containers] == ["other"]


async def test_a_strategic_patch_of_a_custom_kind_is_refused(things):
    collection = await things(crd(schema(size={"type": "integer"})))
    definition = await definition_of(collection)
    (await collection.create(custom(definition, "a"))).ok()
    refused = (await collection.patch("a", STRATEGIC, {"spec": {"size": 1}})).refused
    assert refused == Refusal(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )
