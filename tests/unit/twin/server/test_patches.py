from __future__ import annotations

from typing import Any

import pytest

from tests.unit.twin.server.calls import (
    APPLY,
    DEPLOYMENTS,
    JSON_PATCH,
    MAPS,
    MERGE,
    STRATEGIC,
    Caller,
    config_map,
    deployment,
    on_server,
)


def _applied(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


@pytest.mark.parametrize(
    ("media", "body", "data"),
    [
        pytest.param(MERGE, {"data": {"k": None, "n": "1"}}, {"n": "1"}, id="merge: null deletes"),
        pytest.param(
            JSON_PATCH, [{"op": "add", "path": "/data/n", "value": "1"}], {"k": "v", "n": "1"}, id="JSON patch"
        ),
        pytest.param(STRATEGIC, {"data": {"n": "1"}}, {"k": "v", "n": "1"}, id="strategic merge"),
    ],
)
def test_a_patch_changes_single_fields(media: str, body: Any, data: dict[str, str]):
    async def scenario(api: Caller) -> None:
        await api.post(MAPS, config_map("a", k="v"))
        assert (await api.patch(f"{MAPS}/a", body, media)).body["data"] == data

    on_server(scenario)


def test_a_strategic_patch_merges_containers_by_name():
    async def scenario(api: Caller) -> None:
        await api.post(DEPLOYMENTS, deployment("d"))
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "app:2"}]}}}}
        patched = await api.patch(f"{DEPLOYMENTS}/d", patch, STRATEGIC)
        containers = patched.body["spec"]["template"]["spec"]["containers"]
        assert [(each["name"], each["image"]) for each in containers] == [("c", "app:2")]

    on_server(scenario)


@pytest.mark.parametrize(
    ("media", "body", "code", "words"),
    [
        pytest.param("application/json", {}, 415, "415: Unsupported Media Type", id="no kind of patch"),
        pytest.param(MERGE, [], 400, "cannot unmarshal array into Go value of type map", id="a list to merge"),
        pytest.param(JSON_PATCH, [{"op": "test", "path": "/data/k", "value": "z"}], 422, "rejected", id="failed test"),
        pytest.param(MERGE, {"data": {"k": 3}}, 422, "cannot unmarshal number into Go struct field", id="a wrong type"),
        pytest.param(MERGE, {"metadata": {"resourceVersion": "1"}, "data": {}}, 409, "modified", id="stale version"),
        pytest.param(MERGE, {"metadata": {"uid": "u"}}, 422, "metadata.uid: Invalid value", id="another uid"),
        pytest.param(MERGE, {"metadata": {"name": "b"}}, 400, "does not match the name on the URL", id="another name"),
    ],
)
def test_a_patch_that_does_not_fit_changes_nothing(media: str, body: Any, code: int, words: str):
    async def scenario(api: Caller) -> None:
        before = await api.post(MAPS, config_map("a", k="v"))
        refused = await api.patch(f"{MAPS}/a", body, media)
        assert refused.code == code
        assert words in refused.body["message"]
        assert (await api.get(f"{MAPS}/a")).body == before.body

    on_server(scenario)


def test_apply_creates_owns_conflicts_forces_and_gives_up():
    async def scenario(api: Caller) -> None:
        async def apply(manager: str, more: str = "", **data: str) -> Any:
            return await api.patch(f"{MAPS}/a?fieldManager={manager}{more}", _applied(**data), APPLY)

        assert (await apply("one", a="1")).code == 201
        version = (await api.get(f"{MAPS}/a")).metadata["resourceVersion"]
        assert (await apply("one", a="1")).metadata["resourceVersion"] == version
        refused = await apply("two", a="2", b="1")
        assert refused.code == 409
        assert refused.body["details"]["causes"] == [
            {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
        ]
        assert (await apply("two", "&force=true", a="2", b="1")).body["data"] == {"a": "2", "b": "1"}
        assert (await apply("two", b="1")).body["data"] == {"b": "1"}

    on_server(scenario)


def test_apply_needs_a_manager_and_the_right_kind():
    async def scenario(api: Caller) -> None:
        nameless = await api.patch(f"{MAPS}/a", _applied(), APPLY)
        assert (nameless.code, nameless.body["details"]["causes"][0]["field"]) == (422, "fieldManager")
        other = await api.patch(f"{MAPS}/a?fieldManager=m", {**_applied(), "kind": "Secret"}, APPLY)
        assert (other.code, other.body["message"]) == (400, "invalid object type: /v1, Kind=Secret")
        assert (await api.get(f"{MAPS}/a")).code == 404

    on_server(scenario)


def test_scale_reads_and_writes_replicas():
    async def scenario(api: Caller) -> None:
        await api.post(DEPLOYMENTS, deployment("d", replicas=3))
        scale = await api.get(f"{DEPLOYMENTS}/d/scale")
        assert (scale.body["kind"], scale.body["spec"]) == ("Scale", {"replicas": 3})
        assert scale.body["status"]["selector"] == "app=d"
        await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 5}})
        changed = await api.get(f"{DEPLOYMENTS}/d")
        assert (changed.body["spec"]["replicas"], changed.metadata["generation"]) == (5, 2)
        refused = await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": -1}})
        assert refused.code == 422

    on_server(scenario)
